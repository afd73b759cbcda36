import ApusBase
import ApusModel
import Testing

@testable import ApusProtocol

@Suite struct SendAnswerTests {
  private static let hosts = [
    HostAddress(ipv4: 0xC0A8_0001, port: 10_911),
    HostAddress(ipv6High: 0x2001_0DB8_0000_0000, low: 0xABCD_EF01_2345_6789, port: 1),
  ]

  @Test(arguments: [HeaderType.json, .binary], ["DefaultRegion", "a\"b\u{1}é"])
  func `equals what the general writer writes`(type: HeaderType, region: String) {
    for (host, traceOn) in [(Self.hosts[0], true), (Self.hosts[1], false)] {
      for (queueID, queueOffset, offset) in [
        (Int32(0), Int64(0), Int64(0)), (7, 123_456, 0xF_9A0B_C1D2), (65_535, .max, .max),
      ] {
        let header = CommandHeader(code: 310, id: RequestID(rawValue: -5), type: type)
        var ids = ByteWriter()
        MessageID(host: host, offset: PhysicalOffset(offset)).write(into: &ids)
        var expected = ByteWriter()
        var writer = ResponseWriter.begin(header, code: .flushDiskTimeout, into: &expected)
        SendMessage.Response(messageID: ids.bytes, queueID: queueID, queueOffset: QueueOffset(queueOffset))
          .write(&writer, into: &expected)
        let bytes = Array(region.utf8)
        SendMessage.writeBroker(region: bytes.rawSpan, traceOn: traceOn, &writer, into: &expected)
        writer.finish(into: &expected)

        let answer = SendAnswer(host: host, region: region, traceOn: traceOn)
        var single = ByteWriter()
        answer.write(
          .flushDiskTimeout, to: header, queueID: queueID, queueOffset: QueueOffset(queueOffset),
          offset: PhysicalOffset(offset), into: &single)
        #expect(single.array == expected.array)
        var batch = ByteWriter()
        answer.write(
          .flushDiskTimeout, to: header, queueID: queueID, queueOffset: QueueOffset(queueOffset), ids: ids.bytes,
          into: &batch)
        #expect(batch.array == expected.array)
      }
    }
  }
}
