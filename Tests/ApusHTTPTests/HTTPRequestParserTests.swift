import ApusHTTP
import Testing

@Suite struct HTTPRequestParserTests {
  /// The steps other than `.more` that a text leads to, byte by byte.
  private func steps(_ text: String) -> [HTTPRequestParser.Step] {
    var parser = HTTPRequestParser()
    return Array(text.utf8).map { parser.take($0) }.filter { $0 != .more }
  }

  private func status(_ text: String) -> HTTPStatus? {
    var parser = HTTPRequestParser()
    for byte in text.utf8 {
      if case .refused(let status, let reason) = parser.take(byte) {
        #expect(!reason.isEmpty)
        return status
      }
    }
    return nil
  }

  private func request(_ path: String, _ method: HTTPMethod = .get, keepsAlive: Bool = true) -> HTTPRequestParser.Step {
    .request(HTTPRequest(method: method, path: path, keepsAlive: keepsAlive))
  }

  @Test func `a request is whole at the byte that ends its empty line and not before`() {
    let text = Array("GET /metrics HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\n\r\n".utf8)
    var parser = HTTPRequestParser()
    for byte in text.dropLast() {
      #expect(parser.take(byte) == .more)
      #expect(parser.isUnderWay)
    }
    #expect(parser.take(text[text.count - 1]) == request("/metrics"))
    #expect(!parser.isUnderWay)
  }

  @Test func `requests may follow each other, with empty lines between and bare line feeds`() {
    let text = "\r\nHEAD /healthz?a=b HTTP/1.1\nhost:a\n\n\r\nGET http://b:1/x?y HTTP/1.1\r\nHOST: \t b \r\n\r\n"
    #expect(steps(text) == [request("/healthz", .head), request("/x")])
  }

  @Test(arguments: [
    ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close\r\n", false),
    ("HTTP/1.1", "connection: Upgrade , CLOSE\r\n", false), ("HTTP/1.1", "Connection: keep-alive\r\n", true),
    ("HTTP/1.0", "", false), ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
    ("HTTP/1.0", "Connection: keep-alive, close\r\n", false), ("HTTP/1.9", "", true),
  ])
  func `the connection stays open as version and header say`(version: String, header: String, keeps: Bool) {
    #expect(steps("GET / \(version)\r\nHost: a\r\n\(header)\r\n") == [request("/", keepsAlive: keeps)])
  }

  @Test func `HTTP 1.0 needs no host, and an absolute target without a path is the root`() {
    #expect(steps("GET / HTTP/1.0\r\n\r\n") == [request("/", keepsAlive: false)])
    #expect(steps("GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n") == [request("/")])
    #expect(steps("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n") == [request("/")])
  }

  @Test(arguments: [
    "GET /\r\n", "GET  / HTTP/1.1\r\n", "GET / HTTP/1.1 \r\n", " GET / HTTP/1.1\r\n", "GET / HTTP/11\r\n",
    "GET / HTTP/a.1\r\n", "GET / http/1.1\r\n", "GET / HTTP/\r\n", "GET / \r\n", "G(T / HTTP/1.1\r\n",
    "GET metrics HTTP/1.1\r\n", "GET * HTTP/1.1\r\n", "GET /é HTTP/1.1\r\n", "GET /\rx", "GET /\u{0}", "GET /\u{7F}",
    "GET / HTTP/1.1\r\nHost : a\r\n", "GET / HTTP/1.1\r\n: a\r\n", "GET / HTTP/1.1\r\nHost\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: 1\r\n", "GET / HTTP/1.1\r\nContent-Length: \r\n",
    "GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n", "GET / HTTP/1.1\r\nContent-Length: -1\r\n",
    "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
  ])
  func `what is not a request of RFC 9112 without a body is a bad request`(text: String) {
    #expect(status(text) == .badRequest)
  }

  @Test func `other methods and versions have statuses of their own`() {
    #expect(status("POST /metrics HTTP/1.1\r\n") == .methodNotAllowed)
    #expect(status("get / HTTP/1.1\r\n") == .methodNotAllowed)
    #expect(status("GET / HTTP/2.0\r\n") == .versionNotSupported)
  }

  @Test func `a head of the limit is taken and one of a byte more is refused`() {
    let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
    let fill = HTTPRequestParser.headLimit - start.utf8.count - 4
    #expect(steps(start + String(repeating: "x", count: fill) + "\r\n\r\n") == [request("/")])
    #expect(status(start + String(repeating: "x", count: fill + 1) + "\r\n\r\n") == .headTooLarge)
    #expect(status(String(repeating: "\n", count: HTTPRequestParser.headLimit + 1)) == .headTooLarge)
    #expect(status("GET /" + String(repeating: "x", count: HTTPRequestParser.headLimit)) == .headTooLarge)
  }

  @Test func `after a refusal everything is refused`() {
    #expect(steps("X\r\nGET / HTTP/1.0\r\n\r\n").allSatisfy { $0 != request("/", keepsAlive: false) })
  }

  @Test func `no bytes trap`() {
    var random: UInt64 = 42
    let alphabet = Array("GET HEAD / HTTP/1.1\r\n\r\n:Host, close\t\u{0}é".utf8)
    for _ in 0..<500 {
      var parser = HTTPRequestParser()
      for _ in 0..<200 {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        _ = parser.take(alphabet[Int(random >> 33) % alphabet.count])
      }
    }
  }
}
