/** What whoever is signed in may do, as far as roles say it; the server decides, also by place. */
import { computed } from "@preact/signals";
import { me } from "./account";

const ENGINEERS = new Set(["engineer", "admin"]);

export const mayEngineer = computed(() => me.value?.grants.some((one) => ENGINEERS.has(one.role)) ?? false);
