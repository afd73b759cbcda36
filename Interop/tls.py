"""Drives the broker through TLS with Python's ssl module, and as a peer that means harm or is old.

usage: tls.py [CHECK …]          without names: all of them
"""
import contextlib
import os
import pathlib
import random
import shutil
import socket
import ssl
import subprocess
import sys
import time
import warnings

import remoting
from bench import measure
from broker import BINARY, PATIENCE, ROOT, Broker, BrokerFailure, temporary_directory, wait_until

FIXTURES = ROOT / "Fixtures/tls"
FILES = {"tls.server.certPath": FIXTURES / "server.pem", "tls.server.keyPath": FIXTURES / "server.key"}


def context(trust="authority.pem", certificate=None, least=None, most=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trust:
        made.load_verify_locations(FIXTURES / trust)
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if certificate:
        made.load_cert_chain(FIXTURES / f"{certificate}.pem", FIXTURES / f"{certificate}.key")
    if most == ssl.TLSVersion.TLSv1_1:
        made.set_ciphers("ALL:@SECLEVEL=0")
        least = ssl.TLSVersion.TLSv1
    with warnings.catch_warnings():
        # Python warns of what is too old.
        warnings.simplefilter("ignore", DeprecationWarning)
        if least:
            made.minimum_version = least
        if most:
            made.maximum_version = most
    return made


@contextlib.contextmanager
def broker(directory, **settings):
    served = Broker(directory / f"broker{time.monotonic_ns()}", settings)
    served.start()
    try:
        yield served
    except BaseException:
        print(served.log_tail())
        raise
    finally:
        status = served.stop()
    assert status == 0, f"exit code {status}"


def files(**settings):
    return {**FILES, **{f"tls.{key.replace('_', '.')}": value for key, value in settings.items()}}


def use(connection, topic="tls"):
    """Makes a topic, which takes a request and its answer."""
    connection.create_topic(topic, 4)
    assert connection.bounds(topic, 0) == (0, 0)
    connection.close()


def is_refused(address, **arguments):
    """Whether a connection comes to nothing: in the handshake or at the first request."""
    try:
        use(remoting.Connection(address, **arguments))
    except (ssl.SSLError, ConnectionError, EOFError):
        return True
    return False


def versions(directory):
    """TLS 1.2, TLS 1.3 and plain on one port; TLS 1.1 is refused"""
    with broker(directory, **FILES) as served:
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            connection = remoting.Connection(served.address, context=context(least=version, most=version))
            assert connection.socket.version() == version.name.replace("v1_", "v1."), connection.socket.version()
            assert "GCM" in connection.socket.cipher()[0] or "CHACHA" in connection.socket.cipher()[0]
            use(connection)
        use(remoting.Connection(served.address))
        try:
            remoting.Connection(served.address, context=context(most=ssl.TLSVersion.TLSv1_1))
            raise AssertionError("TLS 1.1 was taken")
        except ssl.SSLError as failure:
            assert failure.reason == "TLSV1_ALERT_PROTOCOL_VERSION", failure
        name_server = remoting.Connection(served.namesrv, context=context())
        assert name_server.call(106, {})[0]["code"] == 0


def own_certificate(directory):
    """without files the broker has a certificate of its own, and plain is the way for others"""
    with broker(directory) as served:
        use(remoting.Connection(served.address, context=context(trust=None)))
        use(remoting.Connection(served.address))
        assert is_refused(served.address, context=context())


def modes(directory):
    """enforcing refuses plain, disabled refuses TLS; the broker itself reaches its name server in both"""
    with broker(
            directory, registerBrokerTimeoutMills=1000 * PATIENCE, **files(server_mode="enforcing")) as served:
        assert is_refused(served.address)
        assert is_refused(served.namesrv)
        use(remoting.Connection(served.address, context=context()))
        assert "not registered" not in served.log.read_text()
    with broker(directory, **files(server_mode="disabled")) as served:
        assert is_refused(served.address, context=context())
        use(remoting.Connection(served.address))
        served.await_log("TLS is disabled")


def client_certificates(directory):
    """clients have to show a certificate of the authority"""
    settings = files(server_mode="enforcing", server_need_client_auth="require", server_authClient="true",
                     server_trustCertPath=FIXTURES / "authority.pem", client_certPath=FIXTURES / "client.pem",
                     client_keyPath=FIXTURES / "client.key", client_authServer="true",
                     client_trustCertPath=FIXTURES / "authority.pem", client_checkServerName="true")
    with broker(directory, **settings) as served:
        use(remoting.Connection(served.address, context=context(certificate="client")))
        for certificate in None, "unknown", "expired":
            assert is_refused(served.address, context=context(certificate=certificate)), certificate
        served.await_log("certificate has expired")


def tickets(directory):
    """a second connection is resumed by the ticket of the first"""
    with broker(directory, **FILES) as served:
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            shared = context(least=version, most=version)
            first = remoting.Connection(served.address, context=shared)
            first.create_topic("tls", 1)
            second = remoting.Connection(served.address, context=shared, session=first.socket.session)
            assert second.socket.session_reused, version
            use(second)


def reload(directory):
    """certificates that change are used without a restart, damaged ones are not"""
    certificate, key = directory / "now.pem", directory / "now.key"

    def put(name):
        for path in certificate, key:
            shutil.copy(FIXTURES / f"{name}{path.suffix}", path.with_suffix(path.suffix + ".new"))
            os.replace(path.with_suffix(path.suffix + ".new"), path)

    def shown(address):
        connection = remoting.Connection(address, context=context())
        subject = dict(part[0] for part in connection.socket.getpeercert()["subject"])
        use(connection)
        return subject["commonName"]

    put("server")
    with broker(directory, **{"tls.server.certPath": certificate, "tls.server.keyPath": key}) as served:
        old = remoting.Connection(served.address, context=context())
        assert shown(served.address) == "server"
        put("renewed")
        wait_until(lambda: shown(served.address) == "renewed", "not read again")
        key.write_text("nonsense")
        served.await_log("changed certificates cannot be used")
        assert shown(served.address) == "renewed"
        use(old)


def refused_starts(directory):
    """files that cannot be used end the start with their name"""
    wrong = [
        (dict(FILES, **{"tls.server.keyPath": FIXTURES / "client.key"}),
         "client.key does not belong to the certificate"),
        (dict(FILES, **{"tls.server.keyPath": FIXTURES / "encrypted.key"}), "encrypted.key is encrypted"),
        (dict(FILES, **{"tls.server.certPath": directory / "none.pem"}), "none.pem: No such file"),
        ({"tls.server.mode": "on"}, "tls.server.mode is one of disabled, permissive, enforcing"),
    ]
    for index, (settings, reason) in enumerate(wrong):
        path = directory / f"wrong{index}.conf"
        path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        for role in ["serve", "--store", directory / "s", "--broker-port", "0", "--namesrv-port", "0"], ["namesrv"]:
            done = subprocess.run([BINARY, *role, "-c", path], capture_output=True, text=True, timeout=PATIENCE)
            assert done.returncode != 0 and reason in done.stderr, (role, done)


def hostile(directory):
    """bytes that break the rules end their own connection only"""
    with broker(directory, **FILES) as served:
        host, port = served.address.rsplit(":", 1)
        good = remoting.Connection(served.address, context=context())
        good.create_topic("hostile", 1)
        for seed in range(300):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            engine = context().wrap_bio(incoming, outgoing, server_hostname="localhost")
            raw = socket.create_connection((host, int(port)), PATIENCE)
            with contextlib.suppress(ssl.SSLWantReadError):
                engine.do_handshake()
            hello = bytearray(outgoing.read())
            place = seed * 7919 % len(hello)
            kind = seed % 4
            if kind == 0:
                hello[place] ^= 1 << seed % 8
            elif kind == 1:
                del hello[place:]
            elif kind == 2:
                hello += random.Random(seed).randbytes(2000)
            raw.sendall(hello)
            if kind == 3:
                incoming.write(raw.recv(65536))
                with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLError):
                    engine.do_handshake()
                raw.sendall(outgoing.read() + remoting.frame(17, {"topic": "x"}))
            raw.close()
        assert good.bounds("hostile", 0) == (0, 0)


def byte_by_byte(directory):
    """a handshake and a request that come byte by byte are served"""
    with broker(directory, **FILES) as served:
        host, port = served.address.rsplit(":", 1)
        raw = socket.create_connection((host, int(port)), PATIENCE)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        engine = context().wrap_bio(incoming, outgoing, server_hostname="localhost")

        def trickle():
            for byte in outgoing.read():
                raw.sendall(bytes([byte]))

        while True:
            try:
                engine.do_handshake()
                break
            except ssl.SSLWantReadError:
                trickle()
                incoming.write(raw.recv(65536))
        engine.write(remoting.frame(105, {"topic": "TBW102"}))
        trickle()
        while True:
            try:
                answer = bytearray(engine.read(65536))
                break
            except ssl.SSLWantReadError:
                incoming.write(raw.recv(65536))
        assert [header["flag"] & 1 for header, _ in remoting.take_frames(answer)] == [1]
        raw.close()


def bench(directory):
    """the load generator sends and drains through TLS"""
    with broker(directory, **files(server_mode="enforcing")) as served:
        for mode in "send", "pull", "e2e":
            measure(mode, served.address, "--tls")


ALL = {check.__name__: check for check in (
    versions, own_certificate, modes, client_certificates, tickets, reload, refused_starts, hostile, byte_by_byte,
    bench)}


def main(names):
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"unknown checks: {' '.join(unknown)}; there are: {' '.join(ALL)}")
        return 2
    failed = 0
    with temporary_directory("tls") as directory:
        for name in names or ALL:
            begin = time.monotonic()
            problem = None
            try:
                ALL[name](pathlib.Path(directory))
            except (AssertionError, BrokerFailure, OSError, RuntimeError) as failure:
                problem = f"{type(failure).__name__}: {failure}"
                failed += 1
            took = time.monotonic() - begin
            print(f"{'FAIL' if problem else 'ok  '} tls {name:<19} {took:5.1f} s  {problem or ALL[name].__doc__}",
                  flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    if any(word.startswith("-") for word in sys.argv[1:]):
        print(__doc__)
        sys.exit(2)
    sys.exit(main(sys.argv[1:]))
