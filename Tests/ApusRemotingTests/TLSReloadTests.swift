import ApusBase
import ApusProtocol
import ApusSystem
import Glibc
import Testing

@testable import ApusRemoting

@Suite(.timeLimit(.minutes(10))) struct TLSReloadTests {
  /// A directory with the certificate and key in use.
  private final class Directory {
    let path = "/tmp/apus-test-tls-\(UInt64.random(in: 0 ... .max))"
    private let disk = PosixDisk()

    init() throws { try disk.createDirectory(path) }

    deinit { do { try disk.removeDirectory(path) } catch { print("\(error)") } }

    var identity: TLSSettings.ServerIdentity {
      let credentials = TLSCredentials(certificatePath: path + "/cert.pem", keyPath: path + "/cert.key")
      return .files(credentials, clientCertificate: .none, trust: .anyone)
    }

    func put(_ fixture: String, as name: String) throws {
      let bytes = try ProcessIO.contents(of: Certificates.path(fixture))
      // In one step, as it is done where it matters.
      let file = try disk.open(path + "/new", create: true)
      try disk.setLength(of: file, to: 0)
      try unsafe bytes.withUnsafeBytes { try unsafe disk.write(file, at: 0, from: $0) }
      disk.close(file)
      try disk.rename(path + "/new", to: path + "/\(name)")
    }

    func put(_ name: String) throws {
      try put("\(name).pem", as: "cert.pem")
      try put("\(name).key", as: "cert.key")
    }
  }

  @Test func `a certificate that expires soon, or has, is told once a day`() throws {
    let log = try TestLog()
    let directory = try Directory()
    try directory.put("server")
    let tls = try ServerTLS(mode: .enforcing, identity: directory.identity)
    let (end, day): (Int64, Int64) = (4_733_510_400_000, 86_400_000)
    for left in [15 * day, 14 * day - 1, 13 * day] {
      tls.tellTerm(log.logger, now: WallTime(milliseconds: end - left))
    }
    #expect(log.text.contains("the certificate expires in less than 14 days"))
    #expect(!log.text.contains("less than 15 days") && !log.text.contains("has expired"))
    tls.tellTerm(log.logger, now: WallTime(milliseconds: end))
    #expect(log.text.contains("the certificate has expired"))
    #expect(log.text.contains(directory.path + "/cert.pem"))
  }

  @Test func `new connections get new certificates, open ones keep theirs, bad files change nothing`() throws {
    let log = try TestLog()
    let directory = try Directory()
    try directory.put("server")
    let tls = try ServerTLS(mode: .enforcing, identity: directory.identity)
    let server = try TestServer(tls: tls)
    let context = try TLSContext.client(trust: Certificates.authority)
    let first = try TLSTestClient(port: server.port, context)
    #expect(first.session.peerSubject == "/CN=server")

    try directory.put("renewed")
    tls.reload(log.logger)
    let second = try TLSTestClient(port: server.port, context)
    #expect(second.session.peerSubject == "/CN=renewed")
    #expect(try first.isServed() && second.isServed())

    try directory.put("server.pem", as: "cert.pem")
    tls.reload(log.logger)
    #expect(log.text.contains("changed certificates cannot be used; the old ones stay"))
    #expect(log.text.contains("does not belong to the certificate"))
    #expect(try TLSTestClient(port: server.port, context).session.peerSubject == "/CN=renewed")
  }

  @Test func `files that change are noticed`() throws {
    let directory = try Directory()
    try directory.put("server")
    let tls = try ServerTLS(mode: .permissive, identity: directory.identity)
    let server = try TestServer(tls: tls)
    try tls.startWatching(log: Logger(descriptor: -1))
    defer { tls.stopWatching() }
    let context = try TLSContext.client()
    #expect(try TLSTestClient(port: server.port, context).session.peerSubject == "/CN=server")
    try directory.put("renewed")
    let deadline = SystemClock.monotonic() + Patience.limit
    while try TLSTestClient(port: server.port, context).session.peerSubject != "/CN=renewed" {
      try #require(SystemClock.monotonic() < deadline)
    }
  }

  @Test func `a change is due once, when the files have come to rest`() throws {
    func stamp(_ name: String) -> FileStamp? { FileStamp(of: Certificates.path(name)) }
    let (old, new, other) = (stamp("server.pem"), stamp("encrypted.key"), stamp("server.key"))
    try #require(Set([old, new, other]).count == 3)
    let looks: [([FileStamp?], isDue: Bool)] = [
      ([old, old], false), ([new, old], false), ([new, nil], false), ([new, other], false), ([new, other], true),
      ([new, other], false), ([old, old], false), ([old, old], true),
    ]
    var watch = TLSFileWatch([old, old])
    for (index, look) in looks.enumerated() {
      let isDue = watch.isDue(look.0)
      #expect(isDue == look.isDue, "look \(index)")
    }
  }

  @Test func `files that cannot be used at the start are refused, unless TLS is disabled`() throws {
    let directory = try Directory()
    #expect(throws: TLSError.self) { try ServerTLS(mode: .permissive, identity: directory.identity) }
    _ = try ServerTLS(mode: .disabled, identity: directory.identity)
  }
}
