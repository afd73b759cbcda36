import ApusBase
import Testing

@testable import ApusBench

@Suite struct ResponseTests {
  private func frame(_ header: String, body: String = "", type: UInt8 = 0) -> [UInt8] {
    var frame = RequestFrame.encode(header: Array(header.utf8).rawSpan, body: Array(body.utf8).rawSpan)
    frame[4] = type
    return frame
  }

  @Test(arguments: [
    #"{"code":0,"extFields":{"nextBeginOffset":"77"},"flag":1,"language":"JAVA","opaque":1000000003,"version":401}"#,
    #"{"extFields":{"nextBeginOffset":77},"opaque":1000000003, "flag": 1 ,"code": 0}"#,
  ])
  func `code, number and a field are found in any order and spelling`(header: String) throws {
    let bytes = frame(header, body: "body")
    let response = try Response(frame: bytes.rawSpan)
    #expect(response.code == 0)
    #expect(response.number == 1_000_000_003)
    let isAnswer = response.isAnswer
    #expect(isAnswer)
    #expect(response.field("\"nextBeginOffset\":") == 77)
    #expect(response.field("\"missing\":") == nil)
    #expect(response.body.text == "body")
  }

  @Test func `a text field is what stands between quotation marks`() throws {
    let bytes = frame(#"{"code":0,"flag":1,"opaque":5,"extFields":{"msgId":"7F00","queueId":3,"cut":"ab"#)
    let response = try Response(frame: bytes.rawSpan)
    #expect(response.text("\"msgId\":")?.text == "7F00")
    #expect(response.text("\"queueId\":")?.text == nil)
    #expect(response.text("\"cut\":")?.text == nil)
    #expect(response.text("\"missing\":")?.text == nil)
  }

  @Test(arguments: [
    ("7F00000100002A9F00000000000186A0", Int64?(100_000)), ("00000000000186a0", 100_000), ("186A0", nil),
    ("7F00000100002A9F0000000000018xA0", nil), ("FFFFFFFFFFFFFFFF", nil), ("", nil),
  ])
  func `an offset id ends with where the message is`(id: String, offset: Int64?) {
    #expect(Response.offset(ofMessage: Array(id.utf8).rawSpan) == offset)
  }

  @Test func `a request of the broker is no answer`() throws {
    let bytes = frame(#"{"code":40,"flag":2,"opaque":5}"#)
    let isAnswer = try Response(frame: bytes.rawSpan).isAnswer
    #expect(!isAnswer)
  }

  @Test func `the remark is read as JSON`() throws {
    let bytes = frame(#"{"code":13,"flag":1,"opaque":5,"remark":"too \"long\": \"code\": 99"}"#)
    let response = try Response(frame: bytes.rawSpan)
    #expect(response.code == 13)
    #expect(response.remark == #"too "long": "code": 99"#)
  }

  @Test func `a binary header is read by its layout`() throws {
    var header = ByteWriter()
    header.write(Int16(17))
    header.write(UInt8(0))
    header.write(Int16(409))
    header.write(Int32(1_000_000_001))
    header.write(Int32(1))
    header.write(Int32(0))
    header.write(Int32(0))
    var bytes = RequestFrame.encode(header: header.bytes, body: Array("x".utf8).rawSpan)
    bytes[4] = 1
    let response = try Response(frame: bytes.rawSpan)
    #expect(response.code == 17)
    #expect(response.number == 1_000_000_001)
    let isAnswer = response.isAnswer
    #expect(isAnswer)
    #expect(response.body.text == "x")
  }

  @Test func `a frame is complete when its length says so`() throws {
    let bytes = frame(#"{"code":0,"flag":1,"opaque":5}"#)
    for count in 0..<bytes.count {
      let length = try Response.frameLength(Array(bytes[..<count]).rawSpan)
      #expect(length == (count < 4 ? nil : bytes.count))
    }
  }

  @Test(arguments: [-1, 0, 3, Int32.max])
  func `a length that cannot be is refused`(length: Int32) {
    var writer = ByteWriter()
    writer.write(length)
    let bytes = writer.array
    #expect(throws: BenchError.self) { _ = try Response.frameLength(bytes.rawSpan) }
  }

  @Test func `no cut or flipped header traps`() {
    let whole = frame(#"{"code":0,"extFields":{"nextBeginOffset":"9999999999999999999999"},"flag":1,"opaque":5}"#)
    func look(_ bytes: [UInt8]) {
      do throws(BenchError) {
        _ = try Response(frame: bytes.rawSpan).field("\"nextBeginOffset\":")
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
    for count in 0..<whole.count { look(Array(whole[..<count])) }
    for index in whole.indices {
      for bit in 0..<8 {
        var flipped = whole
        flipped[index] ^= 1 << bit
        look(flipped)
      }
    }
  }

  @Test func `records are walked and hostile sizes end the walk`() {
    var bytes = [UInt8](repeating: 0, count: 100)
    bytes[3] = 40
    bytes[43] = 60
    #expect(PulledRecords.forEach(in: bytes.rawSpan) { _ in } == 2)
    bytes[40] = 0x80
    #expect(PulledRecords.forEach(in: bytes.rawSpan) { _ in } == 1)
    bytes[3] = 0
    #expect(PulledRecords.forEach(in: bytes.rawSpan) { _ in } == 0)
  }

  @Test(arguments: [(0, 84), (16, 96), (32, 96), (48, 108)])
  func `the body of a record is found behind hosts of either length`(flag: UInt8, at: Int) {
    var record = [UInt8](repeating: 0, count: at + 4 + 5)
    record[39] = flag
    record[at + 3] = 5
    record.replaceSubrange((at + 4)..., with: Array("hello".utf8))
    #expect(PulledRecords.body(of: record.rawSpan)?.text == "hello")
    record[at + 3] = 6
    #expect(PulledRecords.body(of: record.rawSpan)?.text == nil)
    record[at] = 0xFF
    #expect(PulledRecords.body(of: record.rawSpan)?.text == nil)
  }
}
