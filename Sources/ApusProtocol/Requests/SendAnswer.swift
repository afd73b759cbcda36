public import ApusBase
public import ApusModel

/// The answer to a send that was stored, written in one pass: what a broker writes more often than anything else.
///
/// Everything that is the same in all answers is put into bytes once. The result equals what ``ResponseWriter`` with
/// ``SendMessage/Response`` and ``SendMessage/writeBroker(region:traceOn:_:into:)`` writes, byte for byte; a test holds
/// that. A class, so that using it counts one reference instead of one for each text.
public final class SendAnswer: Sendable {
  private static let head = Array(#"{"code":"#.utf8)
  private static let fields = Array(#","extFields":{"queueId":""#.utf8)
  private static let messageID = Array(#"","msgId":""#.utf8)
  private static let queueOffset = Array(#"","queueOffset":""#.utf8)
  private let broker: [UInt8]
  private let end: [UInt8]
  private let host: HostAddress
  private let region: [UInt8]
  private let traceOn: Bool

  /// The answers of a broker at `host`, which is part of the message ids, with the region and the wish for traces that
  /// producers are told.
  public init(host: HostAddress, region: String, traceOn: Bool) {
    self.host = host
    self.region = Array(region.utf8)
    self.traceOn = traceOn
    var writer = ByteWriter()
    writer.write(#"","MSG_REGION":""#)
    writer.write(jsonEscaped: region)
    writer.write(#"","TRACE_ON":""#)
    writer.write(traceOn ? "true" as StaticString : "false")
    writer.write(#""},"flag":1,"language":"JAVA","opaque":"#)
    broker = writer.array
    writer.removeAll()
    writer.write(#","serializeTypeCurrentRPC":"JSON","version":"#)
    writer.write(decimal: CommandHeader.ownVersion)
    writer.write(UInt8(ascii: "}"))
    end = writer.array
  }

  /// Appends the answer to the request of `header`: the message lies at `offset` of the log and at `queueOffset` of the
  /// queue.
  public func write(
    _ code: ResponseCode, to header: CommandHeader, queueID: Int32, queueOffset: QueueOffset, offset: PhysicalOffset,
    into output: inout ByteWriter
  ) {
    guard header.type == .json else {
      var ids = ByteWriter(capacity: 64)
      MessageID(host: host, offset: offset).write(into: &ids)
      return write(code, to: header, queueID: queueID, queueOffset: queueOffset, ids: ids.bytes, into: &output)
    }
    output.reserve(320 + broker.count)
    let start = begin(code, queueID, into: &output)
    MessageID(host: host, offset: offset).write(into: &output)
    finish(header, queueOffset, start, into: &output)
  }

  /// Appends the answer to a batch, whose ids are given as text separated by commas.
  public func write(
    _ code: ResponseCode, to header: CommandHeader, queueID: Int32, queueOffset: QueueOffset, ids: RawSpan,
    into output: inout ByteWriter
  ) {
    guard header.type == .json else {
      let region = region
      var writer = ResponseWriter.begin(header, code: code, into: &output)
      SendMessage.Response(messageID: ids, queueID: queueID, queueOffset: queueOffset).write(&writer, into: &output)
      SendMessage.writeBroker(region: region.rawSpan, traceOn: traceOn, &writer, into: &output)
      writer.finish(into: &output)
      return
    }
    output.reserve(320 + broker.count + ids.byteCount)
    let start = begin(code, queueID, into: &output)
    output.write(ids)
    finish(header, queueOffset, start, into: &output)
  }

  private func begin(_ code: ResponseCode, _ queueID: Int32, into output: inout ByteWriter) -> Int {
    let start = output.count
    output.write(0 as Int64)
    output.write(Self.head)
    output.write(decimal: code.rawValue)
    output.write(Self.fields)
    output.write(decimal: queueID)
    output.write(Self.messageID)
    return start
  }

  private func finish(
    _ header: CommandHeader, _ queueOffset: QueueOffset, _ start: Int, into output: inout ByteWriter
  ) {
    output.write(Self.queueOffset)
    output.write(decimal: queueOffset.rawValue)
    output.write(broker)
    output.write(decimal: header.id.rawValue)
    output.write(end)
    let length = Int32(truncatingIfNeeded: output.count - start)
    output.patch(length - 4, at: start)
    output.patch(length - 8, at: start + 4)
  }
}
