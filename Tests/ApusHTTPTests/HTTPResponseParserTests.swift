import ApusBase
import Testing

@testable import ApusHTTP

@Suite struct HTTPResponseParserTests {
  private static let limit = 64

  /// What a parser makes of bytes, and of the connection's end when they lead nowhere.
  private static func parse(_ bytes: some Sequence<UInt8>) -> HTTPResponseParser.Step {
    var parser = HTTPResponseParser(bodyLimit: limit)
    for byte in bytes {
      let step = parser.take(byte)
      if step != .more { return step }
    }
    return parser.end()
  }

  private static func answer(_ status: Int, _ body: String) -> HTTPResponseParser.Step {
    .answer(HTTPAnswer(status: status, body: Array(body.utf8)))
  }

  private static let chunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, world!!!\r\n0\r\nT: x\r\n\r\n"

  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
    ("HTTP/1.0 200 OK\r\n\r\nto the end", 200, "to the end"),
    ("HTTP/1.1 404 Not Found\ncontent-LENGTH:\t0\n\n", 404, ""), ("HTTP/1.1 204\r\n\r\n", 204, ""),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", 200, "ab"),
    (chunked, 200, "hello, world!!!"),
  ])
  func `an answer is read whatever tells its end`(text: String, status: Int, body: String) {
    #expect(Self.parse(text.utf8) == Self.answer(status, body))
  }

  @Test(arguments: [
    ("HTTP/2 200 OK\r\n\r\n", "first line"), ("SSH-2.0-x\r\n", "first line"), ("HTTP/1.1 2 OK\r\n", "first line"),
    ("HTTP/1.1 200 OK\r\nnothing\r\n", "colon"), ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", "length"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n", "length"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n", "length"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n", "65 bytes"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "gzip"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "chunk"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "chunk"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n", "more than 64"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "longer"),
    ("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 65), "more than 64"),
    ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 20_000), "head"),
  ])
  func `what is no answer, or too much of one, fails with a reason`(text: String, reason: String) {
    guard case .failed(let told) = Self.parse(text.utf8) else {
      Issue.record("taken: \(text)")
      return
    }
    #expect(told.contains(reason))
  }

  @Test func `an answer that is cut off is none`() {
    for length in 0..<Self.chunked.utf8.count {
      guard case .failed = Self.parse(Self.chunked.utf8.prefix(length)) else {
        Issue.record("\(length) bytes were taken for an answer")
        continue
      }
    }
  }

  @Test func `no flipped bit leads beyond the limits`() {
    let bytes = Array(Self.chunked.utf8)
    for index in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[index] ^= 1 << bit
        if case .answer(let answer) = Self.parse(flipped) { #expect(answer.body.count <= Self.limit) }
      }
    }
  }

  @Test(arguments: [
    ("http://ns.example:8080/rocketmq/nsaddr", "ns.example", 8080, "/rocketmq/nsaddr", "ns.example:8080"),
    ("HTTP://ns.example", "ns.example", 80, "/", "ns.example"), ("http://h?a=b", "h", 80, "/?a=b", "h"),
    ("http://[::1]:81/x-u?nofix=1#part", "[::1]", 81, "/x-u?nofix=1", "[::1]:81"),
    ("http://[::1]/", "[::1]", 80, "/", "[::1]"),
  ])
  func `an address has a host, a port and a target`(
    text: String, host: String, port: UInt16, target: String, authority: String
  ) throws {
    let url = try HTTPURL(text)
    #expect((url.host, url.port, url.target, url.authority) == (host, port, target, authority))
  }

  @Test(arguments: [
    "https://h/", "h:80/", "http://", "http:///x", "http://h:0/", "http://h:x/", "http://h:70000/", "http://u@h/",
    "http://h/a b", "http://h/\r\nX: y", "http://hé/",
  ])
  func `what is no address is refused`(text: String) {
    #expect(throws: HTTPURL.Fault.self) { try HTTPURL(text) }
  }
}
