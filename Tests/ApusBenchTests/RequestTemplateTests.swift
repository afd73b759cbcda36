import ApusBase
import ApusSystem
import Testing

@testable import ApusBench

@Suite struct RequestTemplateTests {
  private func settings(_ change: (inout BenchSettings) -> Void = { _ in }) -> BenchSettings {
    var settings = BenchSettings(mode: .send, broker: .loopback(port: 1))
    settings.bodyBytes = 40
    change(&settings)
    return settings
  }

  /// Cuts a frame into its header, read as JSON, and its body.
  private func parts(_ frame: RawSpan) throws -> (header: JSONValue, body: [UInt8]) {
    #expect(Int(frame.loadBigEndian(at: 0, as: Int32.self)) == frame.byteCount - 4)
    let end = 8 + Int(frame.loadBigEndian(at: 4, as: Int32.self))
    return (try JSONParser.parse(frame.extracting(8..<end)), frame.extracting(end..<frame.byteCount).array)
  }

  private func write(_ settings: BenchSettings, queue: Int = 3, mark: UInt64? = nil) throws -> (JSONValue, [UInt8]) {
    var output = ByteWriter()
    let template = RequestTemplate(settings: settings, queue: queue, marksTime: mark != nil)
    template.write(
      number: 1_000_000_007, born: WallTime(milliseconds: 1_700_000_000_123), sequence: 42,
      due: MonotonicTime(nanoseconds: 77), mark: mark ?? 0, into: &output)
    #expect(output.count == template.byteCount)
    return try parts(output.bytes)
  }

  @Test func `a send has the fields of version 2 and what was written over`() throws {
    let (header, body) = try write(settings())
    #expect(header["code"]?.int64 == 310)
    #expect(header["opaque"]?.int64 == 1_000_000_007)
    let fields = try #require(header["extFields"])
    #expect(fields["b"]?.text == "apus-bench")
    #expect(fields["e"]?.int64 == 3)
    #expect(fields["g"]?.int64 == 1_700_000_000_123)
    #expect(fields["i"]?.text == "KEYS\u{1}k0000000042\u{2}")
    #expect(fields["m"]?.text == "false")
    #expect(String(decoding: body, as: UTF8.self) == "abcdefghijklmnopqrstuvwxyzabcdefghijklmn")
  }

  @Test func `without keys there are no properties`() throws {
    let (header, _) = try write(settings { $0.hasKeys = false })
    #expect(header["extFields"]?["i"]?.text == "")
  }

  @Test func `a marked body begins with the time and the mark`() throws {
    let (_, body) = try write(settings(), mark: 99)
    #expect(body.rawSpan.loadBigEndian(at: 0, as: Int64.self) == 77)
    #expect(body.rawSpan.loadBigEndian(at: 8, as: UInt64.self) == 99)
    #expect(body.count == 40)
  }

  @Test func `a batch is code 320 and holds its messages one after the other`() throws {
    let (header, body) = try write(settings { $0.batch = 3 })
    #expect(header["code"]?.int64 == 320)
    #expect(header["extFields"]?["m"]?.text == "true")
    var reader = ByteReader(body.rawSpan)
    for _ in 0..<3 {
      let size = try reader.read(Int32.self)
      try reader.skip(12)
      let length = try reader.read(Int32.self)
      try reader.skip(Int(length))
      let properties = try reader.read(count: Int(try reader.read(Int16.self)))
      #expect(length == 40)
      #expect(properties.text == "KEYS\u{1}batch\u{2}")
      #expect(Int(size) == 22 + 40 + properties.byteCount)
    }
    #expect(reader.remaining == 0)
  }

  @Test func `a half message says so and names its group`() throws {
    let (header, _) = try write(settings { $0.mode = .transaction })
    let fields = try #require(header["extFields"])
    #expect(header["code"]?.int64 == 310)
    #expect(fields["f"]?.text == "4")
    #expect(fields["i"]?.text == "KEYS\u{1}k0000000042\u{2}TRAN_MSG\u{1}true\u{2}PGROUP\u{1}apus-bench\u{2}")
  }

  @Test func `a commit is oneway and says where the half message is`() throws {
    var output = ByteWriter()
    output.write(UInt8(1))
    let id = Array("7F00000100002A9F00000000000186A0".utf8)
    RequestFrame.writeCommit(
      group: "orders", messageID: id.rawSpan, offset: 100_000, queueOffset: 12, into: &output)
    let (header, body) = try parts(output.bytes.extracting(1..<output.count))
    let fields = try #require(header["extFields"])
    #expect(header["code"]?.int64 == 37)
    #expect(header["flag"]?.int64 == 2)
    #expect(fields["producerGroup"]?.text == "orders")
    #expect(fields["commitOrRollback"]?.text == "8")
    #expect(fields["commitLogOffset"]?.text == "100000")
    #expect(fields["tranStateTableOffset"]?.text == "12")
    #expect(fields["msgId"]?.text == "7F00000100002A9F00000000000186A0")
    #expect(body.isEmpty)
  }

  @Test(arguments: [(true, "6"), (false, "4")])
  func `a pull says whether it may wait`(waits: Bool, flag: String) throws {
    var output = ByteWriter()
    output.write(UInt8(1))
    var pull = settings()
    pull.mode = .pull
    pull.batch = 17
    RequestFrame.writePull(
      settings: pull, queue: 5, offset: 1_234_567_890_123, waits: waits, number: 9, into: &output)
    let (header, body) = try parts(output.bytes.extracting(1..<output.count))
    #expect(header["code"]?.int64 == 11)
    #expect(header["extFields"]?["queueOffset"]?.int64 == 1_234_567_890_123)
    #expect(header["extFields"]?["maxMsgNums"]?.int64 == 17)
    #expect(header["extFields"]?["sysFlag"]?.text == flag)
    #expect(body.isEmpty)
  }
}
