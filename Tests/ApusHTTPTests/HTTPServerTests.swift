import ApusBase
import ApusSystem
import Glibc
import Testing

@testable import ApusHTTP

@Suite(.timeLimit(.minutes(10))) struct HTTPServerTests {
  @Test func `answers one after the other on a connection that stays open`() throws {
    let server = try TestHTTPServer()
    let peer = try HTTPPeer(server.port)
    for path in ["/a", "/b"] {
      let answer = try peer.ask("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(answer.contains("Connection: keep-alive\r\n"))
      #expect(answer.hasSuffix("\r\n\r\n\(path)\n"))
    }
    let last = try peer.ask("GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(last.contains("Connection: close\r\n") && last.hasSuffix("/c\n"))
    #expect(try peer.readAll() == "")
  }

  @Test func `answers pipelined requests in their order`() throws {
    let server = try TestHTTPServer()
    let peer = try HTTPPeer(server.port)
    func head(_ path: String, _ more: String = "") -> String { "GET \(path) HTTP/1.1\r\nHost: x\r\n\(more)\r\n" }
    peer.send(head("/1") + head("/later") + head("/3", "Connection: close\r\n"))
    let text = try peer.readAll()
    let lines = text.utf8.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    #expect(lines.filter { $0.hasPrefix("/") } == ["/1", "/later", "/3"])
  }

  @Test func `HEAD tells the length and gives no body`() throws {
    let server = try TestHTTPServer()
    let peer = try HTTPPeer(server.port)
    peer.send("HEAD /abc HTTP/1.0\r\n\r\n")
    let text = try peer.readAll()
    #expect(text.contains("Content-Length: 5\r\n") && text.hasSuffix("\r\n\r\n"))
  }

  @Test(arguments: [
    ("POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + String(repeating: "x", count: 100_000), "405"),
    ("nonsense\r\n", "400"), ("GET /" + String(repeating: "x", count: 60_000), "431"),
    ("GET / HTTP/3.0\r\n", "505"),
  ])
  func `a refusal is told and the connection closed`(text: String, status: String) throws {
    let server = try TestHTTPServer()
    let peer = try HTTPPeer(server.port)
    peer.send(text)
    peer.endSending()
    let answer = try peer.readAll()
    #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
    #expect(answer.contains("Allow: GET, HEAD") == (status == "405"))
  }

  @Test func `a head that does not come in time is given up`() throws {
    let server = try TestHTTPServer { $0.headDeadline = .milliseconds(30) }
    let silent = try HTTPPeer(server.port)
    let slow = try HTTPPeer(server.port)
    slow.send("GET / HT")
    #expect(try silent.readAll() == "")
    #expect(try slow.readAll() == "")
  }

  @Test func `a connection too many takes the place of an idle one, and without one is closed`() throws {
    let server = try TestHTTPServer { $0.connections = 1 }
    let first = try HTTPPeer(server.port)
    #expect(try first.ask("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n").hasSuffix("/1\n"))
    let second = try HTTPPeer(server.port)
    #expect(try first.readAll() == "")
    // It has said nothing yet, so it is not idle.
    let third = try HTTPPeer(server.port)
    #expect(try third.readAll() == "")
    #expect(try second.ask("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n").hasSuffix("/2\n"))
  }

  @Test func `a port in use is told, and is free after the stop`() throws {
    let server = try TestHTTPServer()
    let loop = try EventLoop(index: 9)
    let address = SocketAddress.loopback(port: server.port)
    let error = #expect(throws: SystemError.self) {
      _ = try HTTPServer(on: address, service: Paths(loop), loop: loop, log: Logger(level: .error))
    }
    #expect(error?.isPortInUse == true)
    server.server.stop()
    _ = try HTTPServer(on: address, service: Paths(loop), loop: loop, log: Logger(level: .error))
  }
}

/// Answers with the path; `/later` only in a further turn of the loop.
private final class Paths: HTTPService {
  let loop: EventLoop

  init(_ loop: EventLoop) { self.loop = loop }

  func answer(_ request: HTTPRequest, _ completion: @escaping @Sendable (HTTPResponse) -> Void) {
    guard request.path == "/later" else { return completion(HTTPResponse(.ok, request.path)) }
    loop.execute { [loop] in loop.execute { completion(HTTPResponse(.ok, "/later")) } }
  }
}

/// A server on a loop and a port of its own. Its limits are far away but for those that a test is about.
final class TestHTTPServer {
  let server: HTTPServer
  private let loop: EventLoop

  var port: UInt16 { server.address.port }

  init(_ configure: (inout HTTPLimits) -> Void = { _ in }) throws {
    var limits = HTTPLimits()
    limits.headDeadline = Patience.limit
    limits.idleLimit = Patience.limit
    limits.sendDeadline = Patience.limit
    limits.lingerLimit = Patience.limit
    configure(&limits)
    loop = try EventLoop(index: 8, name: "test-http")
    server = try HTTPServer(
      on: .loopback(port: 0), service: Paths(loop), loop: loop, limits: limits, log: Logger(level: .error))
    try loop.start()
    server.start()
  }

  deinit {
    server.stop()
    loop.stop()
    loop.join()
  }
}

/// A client that waits, but not for ever.
private final class HTTPPeer {
  private let descriptor: Int32
  /// MSG_NOSIGNAL: an error rather than a signal when the peer has gone.
  private static let noSignal: Int32 = 0x4000

  init(_ port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(result == 0)
    var limit = timeval(tv_sec: Int(Patience.limit.components.seconds), tv_usec: 0)
    let bytes = socklen_t(MemoryLayout<timeval>.size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, bytes)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, bytes)
  }

  deinit { close(descriptor) }

  func send(_ text: String) {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes[sent...].withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Self.noSignal)
      }
      // The server may have refused the request before its end.
      if count <= 0 { return }
      sent += count
    }
  }

  func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// One answer with a body of `Content-Length`.
  func ask(_ text: String) throws -> String {
    send(text)
    var answer = ""
    while true {
      let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2,
        let line = parts[0].split(separator: "\r\n").first(where: { $0.hasPrefix("Content-Length") }),
        let length = Int(line.split(separator: " ")[1]), parts[1].utf8.count >= length
      {
        return answer
      }
      let more = read()
      try #require(!more.isEmpty, "the connection ended early: \(answer)")
      answer += more
    }
  }

  /// Everything until the end.
  func readAll() throws -> String {
    var text = ""
    while true {
      let more = read()
      if more.isEmpty { return text }
      text += more
    }
  }

  /// What comes next; empty when the server has closed. That nothing comes for a long time fails the test.
  private func read() -> String {
    var block = [UInt8](repeating: 0, count: 4096)
    let count = unsafe block.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
    if count < 0, errno == EAGAIN { Issue.record("the server says nothing and does not close") }
    return String(decoding: block.prefix(max(count, 0)), as: UTF8.self)
  }
}
