import ApusBase
import ApusProtocol
import ApusSystem
import Glibc
import Testing

@testable import ApusRemoting

/// The certificates of Fixtures/tls.
enum Certificates {
  static func path(_ name: String) -> String {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return "/\(root)/Fixtures/tls/\(name)"
  }

  static func credentials(_ name: String) -> TLSCredentials {
    TLSCredentials(certificatePath: path("\(name).pem"), keyPath: path("\(name).key"))
  }

  static let authority = TLSTrust.file(path("authority.pem"))

  static func server(
    _ mode: TLSMode = .permissive, clientCertificate: TLSClientCertificate = .none
  ) throws -> ServerTLS {
    try ServerTLS(
      mode: mode,
      identity: .files(credentials("server"), clientCertificate: clientCertificate, trust: authority))
  }
}

/// A log in a file of its own, to be read by a test.
final class TestLog {
  let logger: Logger
  private let path: String

  init() throws {
    path = "/tmp/apus-test-log-\(UInt64.random(in: 0 ... .max))"
    logger = try Logger(path: path)
  }

  deinit { unsafe unlink(path) }

  var text: String { String(decoding: ProcessIO.read(path) ?? [], as: UTF8.self) }
}

/// Why a TLS peer of a test could not go on.
struct PeerFailure: Error { let reason: String }

/// A peer that speaks TLS, and waits for its socket as one that blocks does.
final class TLSTestClient {
  let socket: TestClient
  let session: TLSSession
  private var received: [UInt8] = []

  init(port: UInt16, _ context: TLSContext, name: TLSServerName? = nil) throws {
    socket = try TestClient(port: port)
    // A session receives until nothing is left: on a socket that blocks it would wait for what follows an answer.
    let flags = fcntl(socket.descriptor, F_GETFL, 0)
    _ = fcntl(socket.descriptor, F_SETFL, flags | O_NONBLOCK)
    session = try TLSSession(context, descriptor: socket.descriptor, server: name)
    while true {
      let step = session.handshake()
      flush()
      switch step {
      case .done: return
      case .waiting:
        guard waits(for: POLLIN) else { throw PeerFailure(reason: "the server says nothing") }
        session.becameReadable(isPeerEnded: false)
      case .failed(let reason): throw PeerFailure(reason: reason)
      }
    }
  }

  func send(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let end = min(sent + 100_000, bytes.count)
      guard session.encrypt(bytes.rawSpan.extracting(sent..<end)) else { return }
      flush()
      sent = end
    }
  }

  private func flush() {
    while session.pendingOutput > 0 {
      let count = session.send()
      guard count > 0 || Socket.wouldBlock(count) && waits(for: POLLOUT) else { return }
    }
  }

  /// The next answer; nil when the server has closed, or says nothing for a long time.
  func receive() throws -> Command? {
    while true {
      if let answer = try TestClient.takeFrame(&received) { return answer }
      var buffer = [UInt8](repeating: 0, count: 65_536)
      session.becameReadable(isPeerEnded: false)
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe session.receive(into: $0) }
      if Socket.wouldBlock(count), waits(for: POLLIN) { continue }
      if count <= 0 { return nil }
      received.append(contentsOf: buffer[..<count])
    }
  }

  /// Waits until the socket can go on; false when it cannot for a long time.
  private func waits(for event: Int32) -> Bool {
    var entry = pollfd(fd: socket.descriptor, events: Int16(event), revents: 0)
    return unsafe poll(&entry, 1, Int32(Patience.limit.components.seconds) * 1000) > 0
  }

  /// Whether a request is answered.
  func isServed(_ id: Int32 = 1) throws -> Bool {
    send(TestClient.frame(RequestCode(310), id: id, body: [1, 2, 3]))
    return try receive()?.body == [1, 2, 3]
  }
}

/// A TLS client whose bytes a test carries to the server and back, as it likes.
final class CarriedClient {
  let session: TLSSession
  let wire: TestClient
  private let near: Int32
  private let far: Int32

  init(port: UInt16, _ context: TLSContext) throws {
    var ends: [Int32] = [0, 0]
    let result = unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends)
    guard result == 0 else { throw SystemError(errno: errno, operation: "socketpair") }
    (near, far) = (ends[0], ends[1])
    session = try TLSSession(context, descriptor: near)
    wire = try TestClient(port: port)
  }

  deinit {
    Socket.close(near)
    Socket.close(far)
  }

  /// What the client has to say now.
  func outgoing() -> [UInt8] {
    while session.pendingOutput > 0 { guard session.send() > 0 else { break } }
    return Self.waiting(far)
  }

  /// Lets the client have bytes.
  func deliver(_ bytes: [UInt8]) {
    _ = Socket.send(far, bytes.rawSpan)
    session.becameReadable(isPeerEnded: false)
  }

  /// What the server has said so far; nil when it has closed.
  func incoming() -> [UInt8]? {
    Socket.peek(wire.descriptor, waits: false) == -Int(EPIPE) ? nil : Self.waiting(wire.descriptor)
  }

  private static func waiting(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
  }

  /// Takes the handshake to its end, the client's bytes carried in pieces.
  func shakeHands(_ server: TestServer, pieceBytes: Int) -> TLSSession.Handshake {
    for _ in 0..<10_000 {
      let step = session.handshake()
      let bytes = outgoing()
      for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
        wire.send(bytes[start..<min(start + pieceBytes, bytes.count)])
        server.turn()
      }
      guard step == .waiting else { return step }
      server.turn()
      deliver(incoming() ?? [])
    }
    return .failed("no end")
  }
}

extension Socket {
  /// As `peek`, and without waiting on a socket that does.
  static func peek(_ descriptor: Int32, waits: Bool) -> Int {
    var byte: UInt8 = 0
    let flags = Int32(MSG_PEEK) | (waits ? 0 : Int32(MSG_DONTWAIT))
    let count = unsafe recv(descriptor, &byte, 1, flags)
    return count > 0 ? Int(byte) : count == 0 ? -Int(EPIPE) : -Int(errno)
  }
}
