import ApusBase
import Testing

@testable import ApusProtocol

/// Headers as clients in other languages write them.
@Suite struct DialectTests {
  private func decode(_ header: String) throws -> Command {
    try Command(frame: frameOf(type: 0, header: Array(header.utf8)).rawSpan)
  }

  @Test func `takes numbers and booleans as texts`() throws {
    let command = try decode(
      #"{"code":310,"extFields":{"d":4,"e":-1,"k":false,"n":null,"x":1.5,"o":{"a":[1]}},"flag":0,"opaque":3}"#)
    #expect(
      command.fields == [
        ReplyField("d", "4"), ReplyField("e", "-1"), ReplyField("k", "false"), ReplyField("x", "1.5"),
        ReplyField("o", #"{"a":[1]}"#),
      ])
  }

  @Test func `takes members in any order, with blanks, unknown ones and without most`() throws {
    let command = try decode("\n{ \"opaque\" : 5 ,\t\"x\": [1,{\"y\":\"}\"}], \"code\" : \"105\", }\n")
    #expect(command.header == CommandHeader(code: 105, version: 0, id: RequestID(5)))
    #expect(command.fields == nil)
  }

  @Test(arguments: [
    ("\"CPP\"", 1), ("\"GO\"", 9), ("9", 9), ("\"JAVA\"", 0), ("\"COBOL\"", 7), ("\"1\"", 1), ("300", 7), ("null", 0),
    ("\"RUST\"", 12),
  ])
  func `takes the language as name or number`(text: String, expected: UInt8) throws {
    #expect(try decode("{\"language\":\(text)}").header.language.rawValue == expected)
  }

  @Test func `takes control characters as they are`() throws {
    let command = try decode("{\"extFields\":{\"i\":\"KEYS\u{1}k\u{2}TAGS\u{1}t\u{2}\"}}")
    #expect(command["i"] == "KEYS\u{1}k\u{2}TAGS\u{1}t\u{2}")
  }

  @Test(arguments: [
    (#"K\u0001v\u0002"#, "K\u{1}v\u{2}"), (#"\u4E2D\uD83D\uDE00"#, "中😀"), (#"\ud83dx"#, "?x"), (#"\ude00"#, "?"),
    (#"\ud83d\u0041"#, "?A"), (#"a\/b\\\"\n\t\r\b\f"#, "a/b\\\"\n\t\r\u{8}\u{c}"), (#"\x41\1"#, "A\u{1}"),
    (#"\u0041\u007a\u007A\u0080\u00e9\u000a\u0009"#, "Azz\u{80}é\n\t"), ("中", "中"),
    ("it's 12345678 long enough for words", "it's 12345678 long enough for words"),
  ])
  func `unescapes`(text: String, expected: String) throws {
    let command = try decode("{\"remark\":\"\(text)\",\"extFields\":{\"\(text)\":\"\(text)\",\"z\":\"\(text)\"}}")
    #expect(command.remark == expected)
    #expect(command.fields == [ReplyField(expected, expected), ReplyField("z", expected)])
  }

  @Test func `takes single quotes and bare names`() throws {
    let command = try decode("{code:34,extFields:{a:'it\"s',b:\"x\"},'opaque':9}")
    #expect(command.header.code == 34)
    #expect(command["a"] == "it\"s")
    #expect(command["b"] == "x")
  }

  @Test func `lets the last of two equal names count`() throws {
    let frame = frameOf(type: 0, header: Array(#"{"extFields":{"e":"1","topic":"A","e":"2","topic":"B"}}"#.utf8))
    var decoder = RequestDecoder()
    let request = try decoder.decode(frame: frame.rawSpan)
    #expect(try request.int32("e") == 2)
    #expect(try request.text("topic") == "B")
  }

  @Test func `finds fields whose names are capital letters`() throws {
    let frame = frameOf(type: 0, header: Array(#"{"extFields":{"Q":"1","q":"2"}}"#.utf8))
    var decoder = RequestDecoder()
    let request = try decoder.decode(frame: frame.rawSpan)
    #expect(try request.int32("Q") == 1)
    #expect(try request.int32("q") == 2)
  }

  @Test(arguments: [
    #"{"code":99999999999}"#, #"{"code":1.5}"#, #"{"opaque":"x"}"#, #"{"extFields":[]}"#, #"{"extFields":7}"#, "[]",
    "{} x", "",
    #"{"code":1"#, #"{"code" 1}"#, #"{"a":"\q"}}"#, #"{"remark":"\u00g1"}"#, #"{"remark":"\u001"}"#,
    #"{"extFields":{"a":"\u12"}}"#, #"{"code":1 "flag":2}"#,
  ])
  func `refuses`(header: String) {
    #expect(throws: DecodeError.self) { try decode(header) }
  }

  @Test func `bounds nesting`() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: DecodeError.self) { try decode("{\"x\":\(deep)") }
    #expect(throws: DecodeError.self) { try decode("{\"extFields\":{\"x\":\(deep)") }
  }

  @Test func `names the field that is missing or unreadable`() throws {
    let frame = frameOf(type: 0, header: Array(#"{"extFields":{"queueId":"x","t":"TRUE","f":"yes","o":"+5"}}"#.utf8))
    var decoder = RequestDecoder()
    let request = try decoder.decode(frame: frame.rawSpan)
    func refusal<Value>(_ body: () throws(Refusal) -> Value) -> Refusal? {
      do { _ = try body() } catch { return error }
      return nil
    }
    let unreadable = refusal { () throws(Refusal) in try request.int32("queueId") }
    #expect(unreadable == Refusal(.systemError, "the field queueId is no number of 32 bits: x"))
    let missing = refusal { () throws(Refusal) in try request.text("topic") }
    #expect(missing == Refusal(.systemError, "the field topic is missing"))
    #expect(request.bool("t") && !request.bool("f") && !request.bool("absent"))
    #expect(try request.int64("o") == 5)
  }
}

@Suite struct CommandWriterTests {
  @Test(arguments: [HeaderType.json, .binary])
  func `writes fields of every kind and a body`(type: HeaderType) throws {
    let request = CommandHeader(code: 11, language: .go, version: 317, id: RequestID(-5), type: type)
    var output = ByteWriter()
    output.write([1, 2, 3])
    var writer = ResponseWriter.begin(request, code: .pullNotFound, remark: "OFFSET_OVERFLOW_ONE", into: &output)
    writer.field("offset", Int64.min, into: &output)
    writer.field("queueId", 3 as Int32, into: &output)
    writer.field("on", true, into: &output)
    writer.field("region", "DefaultRegion" as StaticString, into: &output)
    writer.field("text", "a\"\u{1}中\u{85}\u{2028}\\", into: &output)
    let bytes: [UInt8] = Array("x/y".utf8)
    writer.field("span", bytes.rawSpan, into: &output)
    writer.finish(body: [9, 8], into: &output)
    output.removeFirst(3)
    let command = try Command(frame: output.bytes)
    #expect(command.header == CommandHeader(code: 19, id: RequestID(-5), flag: 1, type: type))
    #expect(command.remark == "OFFSET_OVERFLOW_ONE")
    #expect(command.body == [9, 8])
    #expect(
      command.fields == [
        ReplyField("offset", Int64.min), ReplyField("queueId", 3), ReplyField("on", true),
        ReplyField("region", "DefaultRegion"), ReplyField("text", "a\"\u{1}中\u{85}\u{2028}\\"),
        ReplyField("span", "x/y"),
      ])
    if type == .json { #expect(output.bytes.text.contains(#""text":"a\"\u0001中\u0085\u2028\\""#)) }
  }

  @Test func `counts bytes of the body that go another way`() throws {
    var output = ByteWriter()
    var writer = ResponseWriter.begin(CommandHeader(code: 11, id: RequestID(1)), code: .success, into: &output)
    writer.finishHeader(into: &output)
    writer.end(elsewhere: 1000, into: &output)
    #expect(try Frame.length(of: output.bytes) == output.count + 1000)
  }

  @Test func `turns an answer whose header is too long into an error`() throws {
    var output = ByteWriter()
    let request = CommandHeader(code: 101, id: RequestID(4))
    let value = String(repeating: "\u{1}", count: 3 << 20)
    Reply(fields: [ReplyField("value", value)]).encode(answering: request, into: &output)
    let command = try Command(frame: output.bytes)
    #expect(command.responseCode == .systemError)
    #expect(command.header.id == RequestID(4))
    #expect(command.fields == nil)
  }

  @Test func `shortens a remark that nobody would read`() throws {
    var output = ByteWriter()
    Reply(.systemError, remark: String(repeating: "中", count: 100_000)).encode(
      answering: CommandHeader(code: 1, id: RequestID(4)), into: &output)
    #expect(output.count < CommandWriter.maxRemarkBytes + 200)
  }
}
