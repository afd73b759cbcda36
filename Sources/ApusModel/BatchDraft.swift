public import ApusBase

/// The messages of a batch send, encoded as records outside of the append section: what the store decides (queue
/// offset, physical offset, store time) is filled in when they are copied into the log.
///
/// Each record gets the item's own properties, then the batch's, so that a name may stand twice; the later one counts
/// (apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/CommitLog.java,
/// `MessageExtBatchEncoder`).
public struct BatchDraft: ~Copyable {
  private var writer: ByteWriter
  private var records: [(start: Int, bytes: Int, tagsCode: Int64)] = []
  private let storeTimePosition: Int

  /// Reads the batch body and encodes its messages. `template` gives everything that the messages share; its properties
  /// are the batch's, its body is not looked at. Throws when the body is malformed or empty, or a message's properties
  /// become too long.
  public init(_ template: borrowing RecordDraft, body: RawSpan) throws(DecodeError) {
    // A batch of small messages grows by more than half when its items become records.
    writer = ByteWriter(capacity: body.byteCount * 2 + 1024)
    records.reserveCapacity(64)
    storeTimePosition = 48 + template.bornHost.byteCount
    var items = BatchBody(body)
    var properties = ByteWriter(capacity: 512)
    while let item = try items.next() {
      properties.removeAll()
      properties.write(item.properties)
      if template.properties.byteCount > 0 {
        if item.properties.byteCount > 0,
          properties.bytes.byte(at: properties.count - 1) != MessageProperties.pairSeparator
        {
          properties.write(MessageProperties.pairSeparator)
        }
        properties.write(template.properties)
      }
      guard properties.count <= MessageProperties.maximumBytes else {
        throw DecodeError(
          field: "batch item properties", offset: 0,
          reason: "\(properties.count) bytes, more than 32767 with the batch's")
      }
      let tags = MessageProperties(properties.bytes).value(of: PropertyName.tags)
      let tagsCode = if let tags { TagsCode.hash(tags) } else { Int64(0) }
      var draft = RecordDraft(
        topic: template.topic, body: item.body, properties: properties.bytes, queueID: template.queueID,
        flag: item.flag,
        sysFlag: template.sysFlag, bodyCRC: CRC32.body(item.body), bornTime: template.bornTime,
        bornHost: template.bornHost, storeHost: template.storeHost, tagsCode: tagsCode)
      draft.reconsumeTimes = template.reconsumeTimes
      let bytes = draft.recordBytes
      records.append((writer.count, bytes, tagsCode))
      unsafe writer.append(upTo: bytes) { room in
        if let start = room.baseAddress {
          unsafe draft.encode(
            to: start, queueOffset: .zero, physicalOffset: .zero, storeTime: WallTime(milliseconds: 0))
        }
        return bytes
      }
    }
    guard !records.isEmpty else { throw DecodeError(field: "batch body", offset: 0, reason: "has no messages") }
  }

  /// How many messages there are.
  public var count: Int { records.count }

  /// All records, without what the store decides.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get { writer.bytes }
  }

  /// The size of one record.
  public func recordBytes(_ index: Int) -> Int { records[index].bytes }

  /// The tags code of one record.
  public func tagsCode(_ index: Int) -> Int64 { records[index].tagsCode }

  /// Copies one record to `target` and fills in what the store decides.
  @unsafe
  public func encode(
    _ index: Int, to target: UnsafeMutableRawPointer, queueOffset: QueueOffset, physicalOffset: PhysicalOffset,
    storeTime: WallTime
  ) {
    let record = records[index]
    unsafe RecordDraft.copy(writer.bytes.extracting(record.start..<record.start + record.bytes), to: target)
    unsafe RecordDraft.store(queueOffset.rawValue, to: target, at: 20)
    unsafe RecordDraft.store(physicalOffset.rawValue, to: target, at: 28)
    unsafe RecordDraft.store(storeTime.milliseconds, to: target, at: storeTimePosition)
  }
}
