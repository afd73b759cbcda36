import ApusBase

/// What an HTTP server has answered.
package struct HTTPAnswer: Hashable, Sendable {
  /// The number of the outcome, 200…599.
  package var status: Int
  /// The bytes of the body.
  package var body: [UInt8]

  /// Describes an answer.
  package init(status: Int, body: [UInt8]) {
    self.status = status
    self.body = body
  }
}

/// Reads the answer to one GET, byte by byte (RFC 9112): a body of a told length, in chunks, or until the connection
/// ends. Holds at most ``headLimit`` bytes of the head and `bodyLimit` of the body, whatever comes.
package struct HTTPResponseParser: Sendable {
  /// What a byte led to.
  package enum Step: Hashable, Sendable {
    /// The answer goes on.
    case more
    /// The answer is whole.
    case answer(HTTPAnswer)
    /// It is no answer, or one that is not taken.
    case failed(reason: String)
  }

  private enum Place: Hashable {
    case statusLine, headers, body
    /// The line that tells a chunk's size, its bytes, the line behind them, the lines behind the last chunk.
    case chunkSize, chunk, chunkEnd, trailers
    case over
  }

  private struct Fault: Error {
    var reason: String
  }

  /// The longest head in bytes; what stands between chunks counts too.
  package static let headLimit = 16 << 10

  private let bodyLimit: Int
  private var place = Place.statusLine
  private var line: [UInt8] = []
  private var headBytes = 0
  private var status = 0
  private var length: Int?
  private var isChunked = false
  /// How many bytes of the body, or of the chunk at hand, are still to come; nil until the connection ends.
  private var left: Int?
  private var body: [UInt8] = []

  /// Waits for an answer whose body has at most `bodyLimit` bytes.
  package init(bodyLimit: Int) { self.bodyLimit = bodyLimit }

  /// Takes the next byte. After the answer or a failure every byte fails.
  package mutating func take(_ byte: UInt8) -> Step {
    do throws(Fault) {
      return try step(byte)
    } catch {
      place = .over
      return .failed(reason: error.reason)
    }
  }

  /// The connection has ended.
  package mutating func end() -> Step {
    defer { place = .over }
    if place == .body, left == nil { return .answer(HTTPAnswer(status: status, body: body)) }
    return .failed(reason: "the connection ended before the answer did")
  }

  private mutating func step(_ byte: UInt8) throws(Fault) -> Step {
    switch place {
    case .over: throw Fault(reason: "the answer is over")
    case .body, .chunk: return try takeBody(byte)
    case .statusLine, .headers, .chunkSize, .chunkEnd, .trailers: return try takeLine(byte)
    }
  }

  private mutating func takeBody(_ byte: UInt8) throws(Fault) -> Step {
    guard body.count < bodyLimit else { throw Fault(reason: "the body has more than \(bodyLimit) bytes") }
    body.append(byte)
    guard let left else { return .more }
    self.left = left - 1
    guard left == 1 else { return .more }
    if place == .chunk {
      place = .chunkEnd
      return .more
    }
    return finish()
  }

  private mutating func takeLine(_ byte: UInt8) throws(Fault) -> Step {
    headBytes += 1
    guard headBytes <= Self.headLimit else { throw Fault(reason: "the head has more than \(Self.headLimit) bytes") }
    guard byte == UInt8(ascii: "\n") else {
      line.append(byte)
      return .more
    }
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    defer { line.removeAll(keepingCapacity: true) }
    switch place {
    case .statusLine: try readStatus()
    case .headers: return line.isEmpty ? try endHead() : try readHeader()
    case .chunkSize: try readChunkSize()
    case .chunkEnd:
      guard line.isEmpty else { throw Fault(reason: "a chunk is longer than it says") }
      place = .chunkSize
    case .trailers: return line.isEmpty ? finish() : .more
    case .body, .chunk, .over: break
    }
    return .more
  }

  private mutating func finish() -> Step {
    place = .over
    return .answer(HTTPAnswer(status: status, body: body))
  }

  // MARK: Lines

  private mutating func readStatus() throws(Fault) {
    let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count >= 2, words[0].starts(with: "HTTP/1.".utf8), words[0].count == 8, words[1].count == 3,
      let number = Int(String(decoding: words[1], as: UTF8.self)), 100...599 ~= number
    else { throw Fault(reason: "the first line is not that of an answer of HTTP/1") }
    status = number
    place = .headers
  }

  private mutating func readHeader() throws(Fault) -> Step {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
      throw Fault(reason: "a header line has no colon")
    }
    let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
    let value = String(decoding: line[(colon + 1)...], as: UTF8.self).filter { $0 != " " && $0 != "\t" }.lowercased()
    switch name {
    case "content-length":
      guard !value.isEmpty, value.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let count = Int(value),
        length == nil || length == count
      else { throw Fault(reason: "the length of the body is no number") }
      length = count
    case "transfer-encoding":
      guard value == "chunked" else { throw Fault(reason: "the transfer encoding \(value) is not known here") }
      isChunked = true
    default: break
    }
    return .more
  }

  private mutating func endHead() throws(Fault) -> Step {
    if 100..<200 ~= status {
      // The answer itself follows.
      (place, length, isChunked) = (.statusLine, nil, false)
      return .more
    }
    if status == 204 || status == 304 { return finish() }
    if isChunked {
      place = .chunkSize
      return .more
    }
    if let length, length > bodyLimit { throw Fault(reason: "the body has \(length) bytes, more than \(bodyLimit)") }
    place = .body
    left = length
    return length == 0 ? finish() : .more
  }

  private mutating func readChunkSize() throws(Fault) {
    // What follows a semicolon is an extension that nobody uses.
    let digits = String(decoding: line.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }, as: UTF8.self)
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let size = Int(digits, radix: 16)
    else { throw Fault(reason: "the size of a chunk is no number") }
    guard size <= bodyLimit - body.count else { throw Fault(reason: "the body has more than \(bodyLimit) bytes") }
    left = size
    place = size == 0 ? .trailers : .chunk
  }
}
