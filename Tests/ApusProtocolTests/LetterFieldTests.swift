import ApusBase
import Testing

@testable import ApusProtocol

/// The short ways through a JSON header against the general one: what they read must not depend on how it is written.
@Suite struct LetterFieldTests {
  private static func frame(_ header: String) -> [UInt8] {
    var writer = ByteWriter()
    let bytes = Array(header.utf8)
    writer.write(Int32(4 + bytes.count))
    writer.write(Int32(bytes.count))
    writer.write(bytes)
    return writer.array
  }

  private static func decode(_ header: String) throws(DecodeError) -> Command {
    try Command(frame: frame(header).rawSpan)
  }

  @Test(arguments: [
    #"{"a":"one","b":"","c":"3"}"#, #"{"a" :"one","b": "","c":"3" }"#, #"{'a':'one','b':'','c':'3'}"#,
    #"{ "a":"one" , "b":"","c":"3"}"#, #"{"a":"\u006fne","b":"","c":"3"}"#, #"{"a":"\u006fn\u0065","b":"","c":3}"#,
    #"{a:"one",b:"",c:3}"#, #"{,,"a":"one",,"b":"",,"c":"3",,}"#, #"{"\u0061":"one","b":"","c":"\u0033"}"#,
  ])
  func `fields of one letter are the same in every way of writing them`(fields: String) throws {
    let command = try Self.decode(#"{"code":310,"extFields":\#(fields),"opaque":7}"#)
    #expect(command.fields == [ReplyField("a", "one"), ReplyField("b", ""), ReplyField("c", "3")])
    #expect(command.header.id == RequestID(7))
  }

  @Test func `the last of two fields of one name counts, whichever way either is written`() throws {
    for (first, second) in [(#""1""#, #""2""#), (#""\u0031""#, #""2""#), (#""1""#, #""\u0032""#), ("1", "2")] {
      let bytes = Self.frame(#"{"code":1,"extFields":{"e":\#(first),"e":\#(second)}}"#)
      var decoder = RequestDecoder()
      let request = try decoder.decode(frame: bytes.rawSpan)
      let value = try request.int32("e")
      #expect(value == 2)
    }
  }

  @Test func `names that are no small letter are not taken for one`() throws {
    let command = try Self.decode(#"{"code":1,"extFields":{"A":"1","{":"2","~":"3","1":"4"}}"#)
    #expect(command.fields?.map(\.name) == ["A", "{", "~", "1"])
  }

  @Test func `a header that ends early is refused wherever it ends`() {
    let header = Array(#"{"code":310,"extFields":{"a":"one","b":"two","i":"x\u0001y"},"flag":0,"opaque":12}"#.utf8)
    for count in 0..<header.count {
      #expect(throws: DecodeError.self) { try Self.decode(String(decoding: header[..<count], as: UTF8.self)) }
    }
  }

  @Test(arguments: [
    ("0", 0), ("310", 310), ("-1", -1), (#""12""#, 12), ("999999999", 999_999_999), ("1000000000", 1_000_000_000),
    ("2147483647", 2_147_483_647), ("-2147483648", -2_147_483_648), ("0000000000007", 7), (" 5 ", 5), ("null", 0),
    ("+6", 6),
  ])
  func `numbers of the header`(text: String, value: Int32) throws {
    #expect(try Self.decode(#"{"code":\#(text),"opaque":1}"#).header.code == value)
    #expect(try Self.decode(#"{"opaque":1,"code":\#(text)}"#).header.code == value)
  }

  @Test(arguments: ["2147483648", "-2147483649", "1a", "1.5", #""x""#, "99999999999999999999999", ""])
  func `what is no number of 32 bits is refused`(text: String) {
    #expect(throws: DecodeError.self) { try Self.decode(#"{"code":\#(text),"opaque":1}"#) }
  }
}

@Suite struct DecimalTextTests {
  @Test(arguments: [
    "0", "-0", "+0", "7", "-7", "+7", "0007", "-0007", "00000000000000000000000000000001", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
    "18446744073709551616", "-18446744073709551616", "99999999999999999999", "2147483647", "2147483648", "-2147483648",
    "-2147483649", "", "-", "+", "--1", "1-", "1 ", " 1", "a", "1a", "١",
  ])
  func `reads what Swift reads`(text: String) {
    let bytes = Array(text.utf8)
    #expect(bytes.rawSpan.decimal(Int64.self) == Int64(text))
    #expect(bytes.rawSpan.decimal(Int32.self) == Int32(text))
  }
}
