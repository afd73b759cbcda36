import Testing

@testable import ApusBase

@Suite struct JSONParserTests {
  private let sample = JSONValue(members: ["a": .integer(1), "b": .string("x")])

  @Test(arguments: [
    #"{"a":1,"b":"x"}"#, #"{a:1,b:'x'}"#, #" { "a" : 1 , 'b' : "x" , } "#, #"{,"a":1,,"b":"x"}"#,
    "{\"a\":1L,/* c */\"b\":\"x\"}\n",
    "// first\n{\"a\":1,\"b\":\"\\x78\"}", #"{"\u0061":1,"b":"\u0078"}"#,
  ])
  func `reads what fastjson reads`(text: String) throws {
    #expect(try JSONParser.parse(text) == sample)
  }

  @Test func `keeps integer and object keys`() throws {
    let table = try JSONParser.parse(#"{"t":{{"queueId":0,"topic":"T"}:{"max":3}},"o":{0:12,1:8}}"#)
    let member = try #require(table["t"]?.members?.first)
    #expect(member.key["topic"]?.text == "T")
    #expect(member.value["max"]?.int64 == 3)
    #expect(table["o"]?["1"]?.int32 == 8)
  }

  @Test(arguments: [
    (#""\n\t\\\"\/\b\f\r\'""#, "\n\t\\\"/\u{8}\u{c}\r'"), (#""\u4e2d\ud83d\ude00""#, "中😀"), (#""\ud83d""#, "\u{FFFD}"),
    (#""\ude00x""#, "\u{FFFD}x"), ("\"a\u{1}b\nc\"", "a\u{1}b\nc"), (#""\1\2""#, "\u{1}\u{2}"), ("'it\"s'", "it\"s"),
  ])
  func `unescapes`(text: String, expected: String) throws {
    #expect(try JSONParser.parse(text) == .string(expected))
  }

  @Test(arguments: [
    ("0", JSONValue.integer(0)), ("-7", .integer(-7)), ("9223372036854775807", .integer(.max)),
    ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("0.05", .number(0.05)), ("1e3", .number(1000)),
    ("-1.5E-3", .number(-0.0015)), ("5S", .integer(5)), ("true", .bool(true)), ("null", .null), ("NaN", .null),
  ])
  func `reads scalars`(text: String, expected: JSONValue) throws {
    #expect(try JSONParser.parse(text) == expected)
  }

  @Test(arguments: [
    ("", 0), ("{", 1), ("{\"a\"", 4), ("{\"a\":1", 6), ("[1 2]", 3), ("{\"a\":tru}", 5), ("\"abc", 0), ("\"\\q\"", 1),
    ("1 1", 2),
    ("/* x", 0), ("-", 1), ("1e999", 0), ("{\"a\":\"\\u12\"}", 6), ("[}", 1),
  ])
  func `names the byte it cannot read`(text: String, offset: Int) {
    let error = #expect(throws: DecodeError.self) { try JSONParser.parse(text) }
    #expect(error?.offset == offset)
    #expect(error?.field == "JSON")
  }

  @Test func `bounds depth and size`() throws {
    func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    _ = try JSONParser.parse(nested(64))
    #expect(throws: DecodeError.self) { try JSONParser.parse(nested(65)) }
    #expect(throws: DecodeError.self) { try JSONParser.parse(String(repeating: "{a:", count: 100_000)) }
    #expect(throws: DecodeError.self) { try JSONParser.parse("[1,2]", limits: .init(bytes: 4)) }
  }

  @Test func `never traps on damaged input`() {
    let text = Array(#"{"a":[1,-2.5e3,"\u0041\n",{'k':true,{x:1}:null}],b:"é"}"#.utf8)
    for length in 0..<text.count { _ = try? JSONParser.parse(Array(text[..<length]).rawSpan) }
    for bit in 0..<text.count * 8 {
      var damaged = text
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      _ = try? JSONParser.parse(damaged.rawSpan)
    }
    var random = SeededGenerator(seed: 7)
    let alphabet = Array("{}[]\",:'\\u0e1-+.tn/*\u{1}".utf8)
    for _ in 0..<5000 {
      let noise = (0..<Int.random(in: 0..<40, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      _ = try? JSONParser.parse(noise.rawSpan)
    }
  }

  @Test func `casts between numbers, texts and booleans`() {
    #expect(JSONValue.string("12").int32 == 12)
    #expect(JSONValue.string("x").int64 == nil)
    #expect(JSONValue.integer(1 << 40).int32 == nil)
    #expect(JSONValue.number(1e300).int64 == nil)
    #expect(JSONValue.number(2.9).int64 == 2)
    #expect(JSONValue.string("2.5").double == 2.5)
    for text in ["nan", "inf", "-infinity", "1e999"] { #expect(JSONValue.string(text).double == nil, "\(text)") }
    #expect(JSONValue.integer(5).text == "5")
    #expect(JSONValue.string("TRUE").bool == true)
    #expect(JSONValue.integer(0).bool == false)
    #expect(JSONValue.array([]).text == nil)
    #expect(JSONValue.object([JSONMember("k", .integer(1)), JSONMember("k", .integer(2))])["k"]?.int64 == 2)
  }
}

@Suite struct JSONWriterTests {
  private let table = JSONValue.object([
    JSONMember(.object([JSONMember("topic", .string("T/1")), JSONMember("queueId", .integer(0))]), .number(0.05)),
    JSONMember(.integer(3), .string("中\u{1}\"")),
  ])

  @Test func `writes keys as fastjson does`() {
    #expect(table.text() == #"{{"topic":"T/1","queueId":0}:0.05,3:"中\u0001\""}"#)
  }

  @Test func `quotes keys and escapes in standard JSON`() {
    #expect(table.text(.standard) == #"{"{\"topic\":\"T\/1\",\"queueId\":0}":0.05,"3":"\u4E2D\u0001\""}"#)
  }

  @Test(arguments: [
    (0.0, "0.0"), (1.0, "1.0"), (0.05, "0.05"), (123.456, "123.456"), (1e6, "1000000.0"), (1e7, "1.0E7"),
    (1.25e-5, "1.25E-5"),
    (0.001, "0.001"), (-12345678.5, "-1.23456785E7"), (1e21, "1.0E21"), (Double.infinity, "null"), (100, "100.0"),
  ])
  func `prints numbers as Java`(number: Double, expected: String) {
    #expect(JSONValue.number(number).text() == expected)
  }

  @Test func `reads back what it writes`() throws {
    for style in [JSONStyle.fastjson, .pretty] { #expect(try JSONParser.parse(table.text(style)) == table) }
  }
}
