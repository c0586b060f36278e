/** Tab: register many devices from a file. */
import { NotYet } from "../page/frame";

export default function DevicesTab() {
  return <NotYet />;
}
