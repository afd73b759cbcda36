public import ApusBase

/// The messages of a batch send, checked and measured outside of the append section; there they are written into the
/// log once, without a copy between.
///
/// Each record gets the item's own properties, then the batch's, so that a name may stand twice; the later one counts
/// (apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/CommitLog.java,
/// `MessageExtBatchEncoder`).
public struct BatchDraft: ~Escapable {
  /// What a record has of its own. Places are positions in the batch's body.
  private struct Item {
    var flag: Int32
    var bodyCRC: Int32
    var tagsCode: Int64
    var bodyStart: Int
    var bodyBytes: Int
    var propertiesStart: Int
    var propertiesBytes: Int
    var recordBytes: Int
  }

  private let body: RawSpan
  private var items: [Item] = []
  /// A record without a body and with the batch's properties alone: each record is this with its own parts put in.
  private let model: [UInt8]
  /// The bytes of `model` before the body.
  private let headBytes: Int
  /// The bytes of `model` that tell the topic, its length included.
  private let topicBytes: Int
  private let storeTimePosition: Int
  /// Whether a message names light queues, which only a message sent by itself goes to.
  package private(set) var namesLightQueues = false
  /// The size of all records together, in bytes.
  public private(set) var recordBytes = 0

  /// Reads the batch body. `template` gives everything that the messages share; its properties are the batch's, its
  /// body is not looked at. Throws when the body is malformed or empty, or a message's properties become too long.
  @_lifetime(copy body)
  public init(_ template: borrowing RecordDraft, body: RawSpan) throws(DecodeError) {
    self.body = body
    model = Self.model(template)
    storeTimePosition = 48 + template.bornHost.byteCount
    headBytes = 72 + template.bornHost.byteCount + template.storeHost.byteCount
    topicBytes = 1 + template.topic.byteCount
    items.reserveCapacity(64)
    let shared = template.properties
    let sharedTags = Self.tagsCode(shared)
    var reader = BatchBody(body)
    var start = 0
    while let item = try reader.next() {
      let own = item.properties.byteCount
      var propertiesBytes = own + shared.byteCount
      if Self.needsSeparator(item.properties, shared) { propertiesBytes += 1 }
      guard propertiesBytes <= MessageProperties.maximumBytes else {
        throw DecodeError(
          field: "batch item properties", offset: start,
          reason: "\(propertiesBytes) bytes, more than 32767 with the batch's")
      }
      let ownTags = try tagsCode(ofItem: item.properties, at: start)
      let bodyStart = start + BatchBody.headBytes
      let propertiesStart = bodyStart + item.body.byteCount + 2
      let bytes = headBytes + item.body.byteCount + topicBytes + 2 + propertiesBytes
      items.append(
        Item(
          flag: item.flag, bodyCRC: CRC32.body(item.body),
          tagsCode: sharedTags ?? ownTags ?? 0, bodyStart: bodyStart,
          bodyBytes: item.body.byteCount, propertiesStart: propertiesStart, propertiesBytes: own, recordBytes: bytes))
      recordBytes += bytes
      start = propertiesStart + own
    }
    guard !items.isEmpty else { throw DecodeError(field: "batch body", offset: 0, reason: "has no messages") }
  }

  private static func model(_ template: borrowing RecordDraft) -> [UInt8] {
    var draft = RecordDraft(
      topic: template.topic, body: RawSpan(), properties: template.properties, queueID: template.queueID, flag: 0,
      sysFlag: template.sysFlag, bodyCRC: 0, bornTime: template.bornTime, bornHost: template.bornHost,
      storeHost: template.storeHost, tagsCode: 0)
    draft.reconsumeTimes = template.reconsumeTimes
    let bytes = draft.recordBytes
    return unsafe [UInt8](unsafeUninitializedCapacity: bytes) { room, count in
      if let start = room.baseAddress {
        unsafe draft.encode(
          to: start, queueOffset: .zero, physicalOffset: .zero, storeTime: WallTime(milliseconds: 0))
      }
      count = bytes
    }
  }

  private static func tagsCode(_ properties: RawSpan) -> Int64? {
    guard let tags = MessageProperties(properties).value(of: PropertyName.tags) else { return nil }
    return TagsCode.hash(tags)
  }

  /// The tags code of an item's own properties; nil when they have no tags. Throws when they tell places in light
  /// queues, which brokers alone do.
  private mutating func tagsCode(ofItem own: RawSpan, at start: Int) throws(DecodeError) -> Int64? {
    let properties = MessageProperties(own)
    var tags: Range<Int>?
    var position = 0
    while let pair = properties.next(&position) {
      switch pair.name.count {
      case 4 where own.extracting(pair.name).equals(PropertyName.tags): tags = pair.value
      case 20 where own.extracting(pair.name).equals(PropertyName.lightQueues): namesLightQueues = true
      case 24 where own.extracting(pair.name).equals(PropertyName.lightQueueOffsets):
        throw DecodeError(
          field: "batch item properties", offset: start, reason: "INNER_MULTI_QUEUE_OFFSET is not a sender's to tell")
      default: break
      }
    }
    return tags.map { TagsCode.hash(own.extracting($0)) }
  }

  /// Whether a separator has to stand between an item's properties and the batch's.
  private static func needsSeparator(_ own: RawSpan, _ shared: RawSpan) -> Bool {
    shared.byteCount > 0 && own.byteCount > 0
      && own.byte(at: own.byteCount - 1) != MessageProperties.pairSeparator
  }

  /// How many messages there are.
  public var count: Int { items.count }

  /// The size of one record.
  public func recordBytes(_ index: Int) -> Int { items[index].recordBytes }

  /// The tags code of one record.
  public func tagsCode(_ index: Int) -> Int64 { items[index].tagsCode }

  /// Writes all records to `target`, which has room for ``recordBytes``, one behind the other and with consecutive
  /// queue offsets.
  @unsafe
  public func encode(
    to target: UnsafeMutableRawPointer, queueOffset: QueueOffset, physicalOffset: PhysicalOffset, storeTime: WallTime
  ) {
    let head = model.rawSpan.extracting(0..<headBytes)
    let tail = model.rawSpan.extracting(headBytes..<model.count)
    var position = 0
    var place = queueOffset
    for item in items {
      let record = unsafe target + position
      unsafe RecordDraft.copy(head, to: record)
      unsafe RecordDraft.store(Int32(truncatingIfNeeded: item.recordBytes), to: record, at: 0)
      unsafe RecordDraft.store(item.bodyCRC, to: record, at: 8)
      unsafe RecordDraft.store(item.flag, to: record, at: 16)
      unsafe RecordDraft.store(place.rawValue, to: record, at: 20)
      unsafe RecordDraft.store((physicalOffset + position).rawValue, to: record, at: 28)
      unsafe RecordDraft.store(storeTime.milliseconds, to: record, at: storeTimePosition)
      unsafe RecordDraft.store(Int32(truncatingIfNeeded: item.bodyBytes), to: record, at: headBytes - 4)
      unsafe RecordDraft.copy(
        body.extracting(item.bodyStart..<item.bodyStart + item.bodyBytes), to: record + headBytes)
      unsafe RecordDraft.copy(tail, to: record + headBytes + item.bodyBytes)
      if item.propertiesBytes > 0 { unsafe putProperties(of: item, into: record) }
      position += item.recordBytes
      place = place + 1
    }
  }

  /// Writes the properties of a record that has some of its own, over the batch's alone.
  @unsafe
  private func putProperties(of item: Item, into record: UnsafeMutableRawPointer) {
    let own = body.extracting(item.propertiesStart..<item.propertiesStart + item.propertiesBytes)
    let shared = model.rawSpan.extracting(headBytes + topicBytes + 2..<model.count)
    var position = headBytes + item.bodyBytes + topicBytes
    unsafe RecordDraft.store(Int16(truncatingIfNeeded: item.recordBytes - position - 2), to: record, at: position)
    position += 2
    unsafe RecordDraft.copy(own, to: record + position)
    position += own.byteCount
    if Self.needsSeparator(own, shared) {
      unsafe RecordDraft.store(MessageProperties.pairSeparator, to: record, at: position)
      position += 1
    }
    unsafe RecordDraft.copy(shared, to: record + position)
  }
}
