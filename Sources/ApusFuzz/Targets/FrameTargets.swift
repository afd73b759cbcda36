import ApusBase
import ApusHTTP
import ApusProtocol

extension FuzzTarget {
  private static let headerWords = [
    "\"code\":", "\"extFields\":{", "\"flag\":", "\"language\":\"", "\"opaque\":", "\"remark\":", "\"version\":",
    "JAVA",
    "\"a\":\"", "\"b\":\"x\",", "\"producerGroup\":\"", "\\u0001", "\\u0002", "\\\"", "null", "{}", "[]", "'", "true",
    "-2147483648", "},",
  ]

  /// What comes over connections before it is understood.
  static let wire: [FuzzTarget] = [
    FuzzTarget("frame", byteLimit: 2048, words: headerWords, FrameChecks.frame),
    FuzzTarget("json-header", byteLimit: 12 << 10, shortRuns: 30_000, words: headerWords, FrameChecks.jsonHeader),
    FuzzTarget("binary-header", byteLimit: 2048, words: ["topic", "queueId", "a", "b"], FrameChecks.binaryHeader),
    FuzzTarget("request", byteLimit: 2048, words: headerWords, RequestChecks.check),
    FuzzTarget(
      "http", byteLimit: 9000,
      words: [
        "GET ", "HEAD ", "/metrics", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "Host: a\r\n", "Connection: close\r\n",
        "Connection: keep-alive\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "\r\n\r\n", "http://",
        "\r", "\n", " ", ":",
      ], HTTPChecks.check),
    FuzzTarget(
      "http-response", byteLimit: 2048,
      words: [
        "HTTP/1.1 200 OK\r\n", "HTTP/1.0 404 x\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 204 x\r\n",
        "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "\r\n\r\n", "5\r\nhello\r\n", "0\r\n\r\n",
        "7fffffffffffffff", ";x=1", "-", "+", "\n", ":",
      ], HTTPChecks.response),
  ]
}

/// Frames and both forms of their headers.
enum FrameChecks {
  /// The bytes of a connection: how long the first frame is, and the command in it.
  static func frame(_ input: [UInt8]) throws(FuzzFinding) {
    let whole = length(of: input, first: input.count)
    for count in 0..<min(8, input.count) {
      switch (length(of: input, first: count), whole) {
      case (.none, _): break
      case (let earlier?, let whole?):
        try require(earlier == whole || whole < 0, "\(count) bytes say the frame has \(earlier), all say \(whole)")
      case (let earlier?, .none): throw FuzzFinding("\(count) bytes say the frame has \(earlier), all cannot tell")
      }
    }
    if let whole, whole > 0, whole <= input.count { try roundTrip(Array(input[..<whole])) }
  }

  /// The length of a frame by its first bytes; nil when they cannot tell, -1 when they begin none.
  private static func length(of input: [UInt8], first count: Int) -> Int? {
    readable { try Frame.length(of: input.rawSpan.extracting(0..<count)) } ?? -1
  }

  /// A JSON header: what the scanner makes of it is what RFC 8259 makes of it, whichever of its ways it takes.
  static func jsonHeader(_ input: [UInt8]) throws(FuzzFinding) {
    let command = try roundTrip(frame(header: input, .json))
    guard let document = StrictJSON.parse(input), case .object(let members) = document.kind else { return }
    let expected = ExpectedHeader(members, in: input)
    let told = command.map { ExpectedHeader.described($0) } ?? "nothing"
    try require(
      told == expected.description ?? "nothing", "the scanner makes \(told) of it, not \(expected.description ?? "")")
    // Blanks keep it from its short ways.
    let wide = try roundTrip(frame(header: ExpectedHeader.spaced(members, in: input), .json))
    try require(
      wide.map { ExpectedHeader.described($0) } == command.map { ExpectedHeader.described($0) },
      "with blanks between its parts it is \(wide.map { ExpectedHeader.described($0) } ?? "nothing"), not \(told)")
  }

  /// A binary header.
  static func binaryHeader(_ input: [UInt8]) throws(FuzzFinding) { _ = try roundTrip(frame(header: input, .binary)) }

  private static func frame(header: [UInt8], _ type: HeaderType) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(Int32(header.count + 8))
    writer.write(Int32(type.rawValue) << 24 | Int32(header.count))
    writer.write(header)
    writer.write("body")
    return writer.array
  }

  /// Reads a whole frame, writes the command and reads it again; nil when it is none.
  @discardableResult
  static func roundTrip(_ frame: [UInt8]) throws(FuzzFinding) -> Command? {
    guard let command = readable({ try Command(frame: frame.rawSpan) }) else { return nil }
    try require(reused(frame) == command, "a decoder that was used before reads something else than a new one")
    var writer = ByteWriter()
    command.encode(into: &writer)
    var expected = command
    expected.header.language = Language(name: "\(command.header.language)")
    if command.header.type == .binary {
      // A binary header keeps the number of the language, and does not tell an empty text or list from none.
      expected.header.language = command.header.language
      if command.remark?.isEmpty == true { expected.remark = nil }
      if command.fields?.isEmpty == true { expected.fields = nil }
    }
    if (command.remark?.utf8.count ?? 0) > CommandWriter.maxRemarkBytes { return command }
    let written = writer.array
    let again = readable { try Command(frame: written.rawSpan) }
    try require(again == expected, "\(expected), written and read again, is \(again as Any)")
    try tellsTheSame(command)
    return command
  }

  /// As when an answer is passed on to somebody who speaks the other form: it tells the same, or is an error.
  private static func tellsTheSame(_ command: Command) throws(FuzzFinding) {
    var other = command
    other.header.type = command.header.type == .json ? .binary : .json
    var writer = ByteWriter()
    other.encode(into: &writer)
    let written = writer.array
    guard let again = readable({ try Command(frame: written.rawSpan) }) else {
      throw FuzzFinding("\(command), written in the other form, cannot be read")
    }
    let hasLongName = command.fields?.contains { $0.name.utf8.count > Int(Int16.max) } ?? false
    if other.header.type == .binary, hasLongName {
      try require(again.responseCode == .systemError, "a name that a binary header cannot tell is told")
    } else {
      try require(again.fields ?? [] == command.fields ?? [], "\(command), in the other form, is \(again)")
      try require(again.body == command.body, "\(command), in the other form, has another body")
    }
  }

  private static let usedBefore: [UInt8] = {
    var writer = ByteWriter()
    let fields = (0..<40).map { ReplyField("\(Unicode.Scalar(UInt8(97 + $0 % 26)))", "\u{1}\($0)") }
    Command(header: CommandHeader(code: 1, id: RequestID(7)), remark: "\"x\"", fields: fields).encode(into: &writer)
    return writer.array
  }()

  /// The command as a decoder reads it that has read another frame before.
  private static func reused(_ frame: [UInt8]) -> Command? {
    var decoder = RequestDecoder()
    return readable {
      _ = try decoder.decode(frame: usedBefore.rawSpan)
      return Command(copying: try decoder.decode(frame: frame.rawSpan))
    }
  }
}

/// What a JSON header says, worked out from the document alone.
struct ExpectedHeader {
  private var numbers: [String: Int32] = ["code": 0, "flag": 0, "version": 0, "opaque": 0]
  private var language = Language.java
  private var remark: String?
  private var fields: [ReplyField]?
  private var isReadable = true

  init(_ members: [StrictJSON.Member], in bytes: [UInt8]) {
    for member in members {
      let text = Self.text(member.value, in: bytes)
      switch member.key {
      case "code", "flag", "version", "opaque": numbers[member.key] = number(text)
      case "language":
        guard let text else {
          language = .java
          continue
        }
        if let number = Array(text.utf8).rawSpan.decimal(Int32.self) {
          language = UInt8(exactly: number).map { Language(rawValue: $0) } ?? .other
        } else {
          language = Language(name: text)
        }
      case "remark": remark = text
      case "extFields": take(member.value, in: bytes)
      default: break
      }
    }
  }

  /// A value as a text: a string's content, the characters of everything else, nil for null.
  private static func text(_ value: StrictJSON.Value, in bytes: [UInt8]) -> String? {
    switch value.kind {
    case .null: nil
    case .string(let text): text
    case .bool, .number, .array, .object: String(decoding: bytes[value.range], as: UTF8.self)
    }
  }

  private mutating func number(_ text: String?) -> Int32 {
    guard let text else { return 0 }
    guard let value = Array(text.utf8).rawSpan.decimal(Int32.self) else {
      isReadable = false
      return 0
    }
    return value
  }

  private mutating func take(_ value: StrictJSON.Value, in bytes: [UInt8]) {
    switch value.kind {
    case .null: break
    case .object(let members):
      var list: [ReplyField] = []
      for member in members {
        if let text = Self.text(member.value, in: bytes) { list.append(ReplyField(member.key, text)) }
      }
      if list.count > 1024 { isReadable = false }
      fields = list
    case .bool, .number, .string, .array: isReadable = false
    }
  }

  /// The header as ``described(_:)`` tells it; nil when it must be refused.
  var description: String? {
    guard isReadable else { return nil }
    let header = CommandHeader(
      code: numbers["code"] ?? 0, language: language, version: numbers["version"] ?? 0,
      id: RequestID(numbers["opaque"] ?? 0), flag: numbers["flag"] ?? 0)
    return Self.described(Command(header: header, remark: remark, fields: fields))
  }

  /// What a command's header says.
  static func described(_ command: Command) -> String {
    "\(command.header) \(command.remark.map { "'\($0)'" } ?? "no remark") \(command.fields.map { "\($0)" } ?? "none")"
  }

  /// The same document with blanks around the members of the header and of its fields.
  static func spaced(_ members: [StrictJSON.Member], in bytes: [UInt8], isOuter: Bool = true) -> [UInt8] {
    var output = Array("{ ".utf8)
    for (index, member) in members.enumerated() {
      if index > 0 { output += Array(" , ".utf8) }
      output += bytes[member.keyRange] + Array(" : ".utf8)
      // A value deeper within counts as it is written.
      if isOuter, member.key == "extFields", case .object(let fields) = member.value.kind {
        output += spaced(fields, in: bytes, isOuter: false)
      } else {
        output += bytes[member.value.range]
      }
    }
    return output + Array(" }".utf8)
  }
}

/// Heads of HTTP requests, and answers to them.
enum HTTPChecks {
  /// The longest body that is taken, in bytes.
  private static let bodyLimit = 512

  /// The bytes of a connection to a server, up to its end.
  static func response(_ input: [UInt8]) throws(FuzzFinding) {
    var parser = HTTPResponseParser(bodyLimit: bodyLimit)
    var isOver = false
    for byte in input {
      switch parser.take(byte) {
      case .more: try require(!isOver, "a byte after the end is taken")
      case .failed: isOver = true
      case .answer(let answer):
        try require(!isOver, "there is an answer after the end")
        isOver = true
        try verify(answer)
      }
    }
    if case .answer(let answer) = parser.end() {
      try require(!isOver, "there is an answer after the end")
      try verify(answer)
    }
  }

  /// An answer is bounded, and a plain writing of it is read as the same.
  private static func verify(_ answer: HTTPAnswer) throws(FuzzFinding) {
    try require(200...599 ~= answer.status, "an answer says \(answer.status)")
    try require(answer.body.count <= bodyLimit, "a body of \(answer.body.count) bytes")
    var parser = HTTPResponseParser(bodyLimit: bodyLimit)
    let head = "HTTP/1.1 \(answer.status) x\r\nContent-Length: \(answer.body.count)\r\n\r\n"
    var again: HTTPAnswer?
    for byte in Array(head.utf8) + answer.body {
      if case .answer(let found) = parser.take(byte) { again = found }
    }
    try require(again == answer, "\(answer), written and read again, is \(again as Any)")
  }

  /// The bytes of a connection from a client.
  static func check(_ input: [UInt8]) throws(FuzzFinding) {
    var parser = HTTPRequestParser()
    var bytes = 0
    var isRefused = false
    for byte in input {
      bytes += 1
      switch parser.take(byte) {
      case .more:
        try require(!isRefused, "a byte after a refusal is taken")
        try require(bytes <= HTTPRequestParser.headLimit, "a head of more than \(HTTPRequestParser.headLimit) bytes")
      case .request(let request):
        try require(!isRefused, "a request after a refusal is taken")
        try require(request.path.hasPrefix("/"), "the path \(request.path) does not begin with /")
        try require(!request.path.contains("?"), "the path \(request.path) has a query")
        try require(again(request) == request, "\(request), written and read again, is \(again(request) as Any)")
        bytes = 0
      case .refused(let status, _):
        try require(status.rawValue >= 400, "refused with \(status)")
        isRefused = true
      }
    }
  }

  /// The request that a plain writing of it is read as.
  private static func again(_ request: HTTPRequest) -> HTTPRequest? {
    let method = request.method == .get ? "GET" : "HEAD"
    let text = "\(method) \(request.path) HTTP/1.1\r\nHost: a\r\n" + (request.keepsAlive ? "" : "Connection: close\r\n")
    var parser = HTTPRequestParser()
    for byte in (text + "\r\n").utf8 {
      if case .request(let found) = parser.take(byte) { return found }
    }
    return nil
  }
}
