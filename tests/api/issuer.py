"""An issuer of CI tokens on loopback: discovery document, keys, and tokens good and bad."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


class Issuer:
    """Counts how often its keys are fetched."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.fetches = 0
        self.keys = [
            {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "rsa", "use": "sig"},
            {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "ec", "use": "sig"},
            {"kty": "OKP", "crv": "Ed448", "x": "", "kid": "strange"},
        ]

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        base = {
            "iss": self.url,
            "aud": "sluice",
            "iat": now,
            "exp": now + 300,
            "sub": "repo:acme/checkout:environment:production",
            "repository_id": "4711",
            "environment": "production",
            "ref": "refs/tags/v7",
            "actor": "octocat",
        }
        return {name: value for name, value in {**base, **changes}.items() if value is not None}

    def token(self, *, key: Any = RSA_KEY, kid: str = "rsa", algorithm: str = "RS256", **claims: Any) -> str:
        return jwt.encode(self.claims(**claims), key, algorithm=algorithm, headers={"kid": kid})


@contextmanager
def issuer() -> Iterator[Issuer]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/.well-known/openid-configuration":
                document: Any = {"issuer": found.url, "jwks_uri": f"{found.url}/keys"}
            else:
                found.fetches += 1
                document = {"keys": found.keys}
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    found = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
