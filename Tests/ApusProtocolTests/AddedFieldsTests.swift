import ApusBase
import Testing

@testable import ApusProtocol

@Suite struct AddedFieldsTests {
  private static let added = [
    ReplyField("AccessKey", "fxuser"), ReplyField("Quote\"", "a\\b\u{1}"), ReplyField("Last", "28"),
  ]

  private static func frame(_ fields: [ReplyField], body: [UInt8], _ type: HeaderType, into output: inout ByteWriter) {
    var writer = RequestWriter.begin(RequestCode(310), id: RequestID(7), type: type, into: &output)
    for field in fields { writer.field(named: field.name, field.value, into: &output) }
    writer.finish(body: body, into: &output)
  }

  @Test(arguments: [HeaderType.json, .binary], [[], [ReplyField("topic", "T"), ReplyField("queueId", 3)]])
  func `fields come before those that were there, and nothing else changes`(
    type: HeaderType, own: [ReplyField]
  ) throws {
    let body: [UInt8] = Array(0..<200)
    var output = ByteWriter()
    output.write("before")
    let start = output.count
    Self.frame(own, body: body, type, into: &output)
    let end = AddedFields.add(Self.added, toFrameAt: start, in: &output)
    #expect(output.bytes.extracting(0..<start).text == "before")
    #expect(output.bytes.extracting(end - 2..<end).text == "28")
    let command = try Command(frame: output.bytes.extracting(start..<output.count))
    #expect(command.fields == Self.added + own)
    #expect(command.body == body)
    #expect(command.header == CommandHeader(code: 310, id: RequestID(7), type: type))
    var expected = ByteWriter()
    Self.frame(Self.added + own, body: body, type, into: &expected)
    #expect(output.bytes.extracting(start..<output.count).array == expected.array)
  }
}
