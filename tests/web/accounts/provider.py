"""A tiny real OpenID Connect provider: discovery, keys, authorisation, tokens (RS256) and claims, over HTTP."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlparse

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT = "dengji-test"


class Provider:
    """Says of whoever comes what `claims` says; `forged` signs with another key."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.claims: dict[str, Any] = {}
        self.forged = False
        self._asked: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.token(self)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()

    def get(self, call: BaseHTTPRequestHandler) -> None:
        """Discovery, keys, the user's consent, claims."""
        address = urlparse(call.path)
        if address.path == "/.well-known/openid-configuration":
            paths = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
            document = {f"{name}_endpoint": f"{self.url}/{path}" for name, path in paths.items()}
            self.send(call, document | {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        elif address.path == "/keys":
            public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
            self.send(call, {"keys": [public | {"kid": "one", "use": "sig", "alg": "RS256"}]})
        elif address.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            code = f"code{len(self._asked)}"
            self._asked[code] = asked
            call.send_response(302)
            answer = urlencode({"code": code, "state": asked["state"]})
            call.send_header("Location", f"{asked['redirect_uri']}?{answer}")
            call.end_headers()
        elif address.path == "/userinfo":
            self.send(call, self.claims)

    def token(self, call: BaseHTTPRequestHandler) -> None:
        """Exchange a code for tokens."""
        form = parse_qs(call.rfile.read(int(call.headers["Content-Length"])).decode())
        asked = self._asked.pop(form["code"][0], None)
        if asked is None or "code_verifier" not in form:
            self.send(call, {"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        said = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60, **self.claims}
        if "nonce" in asked:
            said["nonce"] = asked["nonce"]
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048) if self.forged else self.key
        token = jwt.encode(said, key, algorithm="RS256", headers={"kid": "one"})
        self.send(call, {"access_token": "opaque", "token_type": "Bearer", "expires_in": 60, "id_token": token})

    @staticmethod
    def send(call: BaseHTTPRequestHandler, body: Any, status: int = 200) -> None:
        """Answer with JSON."""
        data = json.dumps(body).encode()
        call.send_response(status)
        call.send_header("Content-Type", "application/json")
        call.send_header("Content-Length", str(len(data)))
        call.end_headers()
        call.wfile.write(data)
