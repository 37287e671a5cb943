"""A real SMTP server for the tests: STARTTLS, sign-in, and a file with a line a message.

usage: smtpd.py PORT CERT KEY OUT [plain|tls]; a file named OUT.refuse makes it refuse with its text.
"""
import asyncio, json, os, ssl, sys
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

port, cert, key, out = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
mode = sys.argv[5] if len(sys.argv) > 5 else "starttls"
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)


class Keep:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if os.path.exists(out + ".refuse"):
            return open(out + ".refuse").read()
        with open(out, "a") as f:
            f.write(json.dumps({
                "from": envelope.mail_from, "to": envelope.rcpt_tos, "data": envelope.content.decode("utf-8", "replace"),
                "tls": session.ssl is not None or mode == "tls", "user": (session.auth_data or b"").decode(),
            }) + "\n")
            f.flush()
            os.fsync(f.fileno())
        return "250 2.0.0 kept"


def check(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and data.login == b"skanse" and data.password == b"open sesame"
    return AuthResult(success=ok, handled=False, auth_data=b"skanse" if ok else None)


class Server(Controller):
    def factory(self):
        if mode == "plain":
            return SMTP(self.handler, hostname="mail.test", enable_SMTPUTF8=True)
        return SMTP(self.handler, hostname="mail.test", enable_SMTPUTF8=True, require_starttls=mode == "starttls", tls_context=context if mode == "starttls" else None,
                    authenticator=check, auth_required=True, auth_require_tls=mode == "starttls")


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
server = Server(Keep(), hostname="127.0.0.1", port=port, ssl_context=context if mode == "tls" else None)
server.start()
print("ready", flush=True)
try:
    sys.stdin.read()
finally:
    server.stop()
