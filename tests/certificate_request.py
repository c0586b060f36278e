"""What a device makes for itself: a key, a request to sign it, and a signature that shows it has a key."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM


def asking(name: str = "", key=None) -> tuple[ec.EllipticCurvePrivateKey, str]:
    """A key, a new one unless given, and its request in PEM."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return key, request.public_bytes(PEM).decode()


def text(key: ec.EllipticCurvePrivateKey) -> str:
    """The key in PEM."""
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def signature(key: ec.EllipticCurvePrivateKey, request: str) -> bytes:
    """The key's signature over a request."""
    der = x509.load_pem_x509_csr(request.encode()).public_bytes(serialization.Encoding.DER)
    return key.sign(der, ec.ECDSA(hashes.SHA256()))
