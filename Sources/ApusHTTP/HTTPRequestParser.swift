/// Reads the heads of requests byte by byte (RFC 9112). Holds at most ``headLimit`` bytes, whatever comes.
///
/// Strict where leniency has let requests be smuggled past proxies: a bare CR, a folded line, a space before a colon,
/// a repeated Host or Content-Length are refused; so are bodies, which no request here has.
package struct HTTPRequestParser: Sendable {
  /// What a byte led to.
  package enum Step: Hashable, Sendable {
    /// The head goes on.
    case more
    /// The head is whole; the next byte belongs to the next request.
    case request(HTTPRequest)
    /// The request is refused, and where the next one begins is not known.
    case refused(HTTPStatus, reason: String)
  }

  private enum Place {
    case requestLine, headers, refused
  }

  private struct Refusal: Error {
    var status = HTTPStatus.badRequest
    var reason: String
  }

  /// The longest head in bytes, its empty last line included.
  package static let headLimit = 8 << 10

  private var place = Place.requestLine
  private var line: [UInt8] = []
  private var headBytes = 0
  private var endsInCR = false
  private var method = HTTPMethod.get
  private var path = ""
  private var isVersion10 = false
  private var asksToClose = false
  private var asksToKeep = false
  private var hostCount = 0
  private var hasLength = false

  /// Waits for a request.
  package init() {}

  /// Whether a head has begun.
  package var isUnderWay: Bool { headBytes > 0 }

  /// Takes the next byte. After a refusal every byte is refused.
  package mutating func take(_ byte: UInt8) -> Step {
    guard place != .refused else { return .refused(.badRequest, reason: "the request before was refused") }
    do throws(Refusal) {
      return try step(byte)
    } catch {
      place = .refused
      line = []
      return .refused(error.status, reason: error.reason)
    }
  }

  private mutating func step(_ byte: UInt8) throws(Refusal) -> Step {
    headBytes += 1
    guard headBytes <= Self.headLimit else {
      throw Refusal(status: .headTooLarge, reason: "the request's head has more than \(Self.headLimit) bytes")
    }
    if byte == Self.lineFeed {
      endsInCR = false
      defer { line.removeAll(keepingCapacity: true) }
      return try endLine()
    }
    guard !endsInCR else { throw Refusal(reason: "a carriage return is not followed by a line feed") }
    if byte == Self.carriageReturn {
      endsInCR = true
      return .more
    }
    guard byte >= 0x20 || byte == Self.tab, byte != 0x7F else {
      throw Refusal(reason: "a control character is in the head")
    }
    line.append(byte)
    return .more
  }

  private mutating func endLine() throws(Refusal) -> Step {
    switch place {
    case .requestLine:
      // Empty lines before a request are left over from the one before.
      guard !line.isEmpty else { return .more }
      try readRequestLine()
      place = .headers
      return .more
    case .headers:
      guard line.isEmpty else {
        try readHeader()
        return .more
      }
      return .request(try finish())
    case .refused: return .more
    }
  }

  private mutating func finish() throws(Refusal) -> HTTPRequest {
    guard hostCount == 1 || hostCount == 0 && isVersion10 else {
      throw Refusal(reason: "a request has one Host")
    }
    let keeps = !asksToClose && (!isVersion10 || asksToKeep)
    let request = HTTPRequest(method: method, path: path, keepsAlive: keeps)
    var next = HTTPRequestParser()
    swap(&next.line, &line)
    self = next
    return request
  }

  // MARK: Lines

  private mutating func readRequestLine() throws(Refusal) {
    let words = line.split(separator: Self.space, omittingEmptySubsequences: false)
    guard words.count == 3, !words[0].isEmpty, words[0].allSatisfy(Self.isToken) else {
      throw Refusal(reason: "the first line is not METHOD PATH HTTP/1.1")
    }
    try readVersion(words[2])
    if words[0].elementsEqual("GET".utf8) {
      method = .get
    } else if words[0].elementsEqual("HEAD".utf8) {
      method = .head
    } else {
      throw Refusal(status: .methodNotAllowed, reason: "only GET and HEAD are served here")
    }
    try readTarget(words[1])
  }

  private mutating func readVersion(_ word: ArraySlice<UInt8>) throws(Refusal) {
    let prefix = "HTTP/".utf8
    let rest = word.dropFirst(prefix.count)
    guard word.starts(with: prefix), rest.count == 3, let major = rest.first, let minor = rest.last,
      Self.isDigit(major), Self.isDigit(minor), rest[rest.startIndex + 1] == UInt8(ascii: ".")
    else { throw Refusal(reason: "the first line does not end in a version of HTTP") }
    guard major == UInt8(ascii: "1") else {
      throw Refusal(status: .versionNotSupported, reason: "only HTTP/1.1 and HTTP/1.0 are spoken here")
    }
    isVersion10 = minor == UInt8(ascii: "0")
  }

  private mutating func readTarget(_ target: ArraySlice<UInt8>) throws(Refusal) {
    var rest = target
    if rest.starts(with: "http://".utf8) {
      // As proxies send it: the authority says nothing here.
      rest = rest.dropFirst("http://".utf8.count).drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
      if rest.first != UInt8(ascii: "/") { rest = [UInt8(ascii: "/")] + rest }
    }
    guard rest.first == UInt8(ascii: "/"), rest.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw Refusal(reason: "the path does not begin with / or is not ASCII")
    }
    path = String(decoding: rest.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
  }

  private mutating func readHeader() throws(Refusal) {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
      throw Refusal(reason: "a header line has no colon")
    }
    guard colon > 0, line[..<colon].allSatisfy(Self.isToken) else {
      throw Refusal(reason: "a header's name is empty, folded or has other characters than names have")
    }
    let value = Self.trimmed(line[(colon + 1)...])
    let name = line[..<colon]
    if Self.equals(name, "host") {
      hostCount += 1
    } else if Self.equals(name, "connection") {
      for option in value.split(separator: UInt8(ascii: ",")) {
        if Self.equals(Self.trimmed(option), "close") { asksToClose = true }
        if Self.equals(Self.trimmed(option), "keep-alive") { asksToKeep = true }
      }
    } else if Self.equals(name, "content-length") {
      guard !hasLength, !value.isEmpty, value.allSatisfy({ $0 == UInt8(ascii: "0") }) else {
        throw Refusal(reason: "a request with a body is not taken")
      }
      hasLength = true
    } else if Self.equals(name, "transfer-encoding") {
      throw Refusal(reason: "a request with a body is not taken")
    }
  }

  // MARK: Characters

  private static let lineFeed: UInt8 = 0x0A
  private static let carriageReturn: UInt8 = 0x0D
  private static let tab: UInt8 = 0x09
  private static let space: UInt8 = 0x20

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  /// The characters of methods and names (RFC 9110, section 5.6.2).
  private static func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    default: isDigit(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let start = bytes.drop { $0 == space || $0 == tab }
    guard let last = start.lastIndex(where: { $0 != space && $0 != tab }) else { return [] }
    return start[...last]
  }

  /// Whether ASCII text is `name`, which is in lower case, in any case.
  private static func equals(_ bytes: ArraySlice<UInt8>, _ name: String) -> Bool {
    bytes.lazy.map { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") ? $0 | 0x20 : $0 }.elementsEqual(name.utf8)
  }
}
