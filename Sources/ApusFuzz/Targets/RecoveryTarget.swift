import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore

extension FuzzTarget {
  /// Directories that hold anything at all, opened as a store.
  static let recovery = FuzzTarget(
    "recovery", byteLimit: 24 << 10, shortRuns: 1500,
    words: [
      "\u{19}commitlog/00000000000000000000", "\u{14}index/20260101000000000", "apus.mark", "checkpoint", "abort",
      "consumequeue/t0/0/00000000000000000000", "consumequeue_ext/t0/0/00000000000000000000", "/", "..", "lock",
    ], RecoveryChecks.check)
}

/// The start of a store on what a disk holds: it ends, and what it made of it a second start leaves as it is. Nothing
/// is served that is damaged or was asked for elsewhere, and the store takes messages again.
enum RecoveryChecks {
  /// Far more calls of the disk than any start or check on a few files needs.
  private static let callLimit = 20_000

  static func check(_ input: [UInt8]) throws(FuzzFinding) {
    guard let archive = StoreArchive(input) else { return }
    let disk = archive.disk()
    try inspect(disk, archive)
    guard let before = try firstStart(disk, archive) else { return }
    disk.crash(.kill)
    disk.restart()
    guard let store = try open(disk, archive) else { throw FuzzFinding("the second start is refused") }
    let after = State(store, disk, archive)
    try require(after == before, "the second start makes \(after) of \(before)")
    try ReadChecks(store: store, disk: disk).queues()
    try index(of: store, disk, archive)
    try append(to: store, disk)
    try require(!disk.hasCrashed, "reading and writing takes more than \(callLimit) calls of the disk")
  }

  /// `apus store check` on the same files.
  private static func inspect(_ disk: SimulatedDisk, _ archive: StoreArchive) throws(FuzzFinding) {
    disk.plan = FaultPlan(crashAtCall: callLimit, crashKind: .kill)
    let inspection = StoreInspection(
      disk: disk, settings: archive.settings, index: archive.indexSettings.layout, report: { _ in })
    _ = readable { try inspection.run() }
    try require(!disk.hasCrashed, "a check takes more than \(callLimit) calls of the disk")
  }

  /// What the first start made of the files; nil when it refused them.
  private static func firstStart(_ disk: SimulatedDisk, _ archive: StoreArchive) throws(FuzzFinding) -> State? {
    try open(disk, archive).map { State($0, disk, archive) }
  }

  private static func open(_ disk: SimulatedDisk, _ archive: StoreArchive) throws(FuzzFinding) -> MessageStore? {
    disk.plan = FaultPlan(crashAtCall: callLimit, crashKind: .kill)
    let store = readable { try MessageStore.open(disk: disk, settings: archive.settings) }
    try require(!disk.hasCrashed, "a start takes more than \(callLimit) calls of the disk")
    guard let store else { return nil }
    let (start, end) = (store.minOffset, store.marks.appended)
    try require(start >= .zero && start <= end, "the log goes from \(start) to \(end)")
    _ = store.dispatch()
    return store
  }

  /// What two starts must agree on.
  private struct State: Equatable, CustomStringConvertible {
    var log: Range<PhysicalOffset>
    var queues: [String] = []
    var files: [[UInt8]]

    init(_ store: MessageStore, _ disk: SimulatedDisk, _ archive: StoreArchive) {
      log = store.minOffset..<store.marks.appended
      files = disk.contents(of: archive.settings.logDirectory).map(\.bytes)
      for (topic, id) in store.allQueues.sorted(by: { ($0.topic, $0.id) < ($1.topic, $1.id) }) {
        guard let queue = readable({ try store.queue(topic: topic, id: id) }), let queue else { continue }
        // Where a queue begins is found by a search that takes its entries to ascend. Among others it may end elsewhere
        // the next time; that it begins within itself is looked at elsewhere.
        queues.append("\(topic)/\(id): up to \(queue.maxOffset), next \(queue.nextOffset)")
      }
    }

    var description: String { "\(log), queues \(queues), \(files.map(\.count)) bytes" }
  }

  private static let always = WallTime(milliseconds: 0)...WallTime(milliseconds: 1 << 60)

  /// The index opens, answers and takes the log in.
  private static func index(
    of store: MessageStore, _ disk: SimulatedDisk, _ archive: StoreArchive
  ) throws(FuzzFinding) {
    let left = MessageIndex.Left(
      cleanly: store.wasClosed, checkpoint: store.indexTime, logEnd: store.marks.appended)
    guard
      let index = readable({
        try MessageIndex.open(disk: disk, settings: archive.indexSettings, after: left).index
      })
    else { return }
    for number in 0..<64 {
      let (topic, key) = (Array("t\(number % 4)".utf8), Array("k\(number)".utf8))
      let found = index.query(topic: topic.rawSpan, key: key.rawSpan, in: always, limit: 32)
      try require(found.count <= 32, "a query for 32 records brings \(found.count)")
      try require(Set(found).count == found.count, "a query brings a record twice")
    }
    index.close(on: disk)
  }

  /// The store takes a message and gives it back.
  private static func append(to store: MessageStore, _ disk: SimulatedDisk) throws(FuzzFinding) {
    guard let queue = readable({ try store.openQueue(topic: "t0", id: 0) }) else { return }
    let (topic, body) = (Array("t0".utf8), Array("a new message".utf8))
    let host = HostAddress.loopback(port: 10_911)
    for _ in 0..<4 {
      let draft = RecordDraft(
        topic: topic.rawSpan, body: body.rawSpan, properties: RawSpan(), queueID: 0, flag: 0, sysFlag: [],
        bodyCRC: CRC32.body(body.rawSpan), bornTime: disk.now, bornHost: host, storeHost: host, tagsCode: 0)
      switch store.append(draft, to: queue, now: disk.now) {
      case .refused: return
      case .notYet:
        guard let plan = store.planPreparation() else { return }
        _ = store.finish(plan, plan.run(on: disk))
      case .appended(let appended):
        _ = store.dispatch()
        let bodies = try ReadChecks(store: store, disk: disk).pull(queue, at: appended.queueOffset).bodies
        try require(bodies == [body], "what was sent is not there, but \(bodies)")
        return
      }
    }
  }
}

/// What a store serves of its queues.
struct ReadChecks {
  let store: MessageStore
  let disk: SimulatedDisk

  /// Pulls through every queue: it goes on, and brings whole records of that queue.
  func queues() throws(FuzzFinding) {
    for (topic, id) in store.allQueues {
      guard let queue = readable({ try store.queue(topic: topic, id: id) }), let queue else { continue }
      try require(queue.minOffset >= .zero, "\(topic)/\(id) begins at \(queue.minOffset)")
      try require(queue.minOffset <= queue.maxOffset, "\(topic)/\(id) is \(queue.minOffset)..<\(queue.maxOffset)")
      var position = queue.minOffset
      for _ in 0..<200 where position < queue.maxOffset {
        let next = try pull(queue, at: position).next
        try require(next > position, "\(topic)/\(id) goes on at \(next) after \(position)")
        position = next
      }
    }
  }

  /// One pull.
  func pull(
    _ queue: ConsumeQueue, at position: QueueOffset
  ) throws(FuzzFinding) -> (bodies: [[UInt8]], next: QueueOffset) {
    var fetch = Fetch()
    for _ in 0..<8 {
      store.fetch(from: queue, at: position, limits: FetchLimits(maxMessages: 32), filter: .all, into: &fetch)
      guard let cold = fetch.cold else { break }
      store.finish(cold, cold.run(on: disk))
    }
    _ = fetch.dropDamaged(of: queue.topic, queue.id)
    var writer = ByteWriter()
    fetch.copy(into: &writer)
    var bodies: [[UInt8]] = []
    var offset = 0
    while offset < writer.count {
      let rest = writer.bytes.extracting(offset..<writer.count).array
      guard let record = readable({ try Self.record(rest, of: queue) }), let record else {
        throw FuzzFinding("\(queue.topic)/\(queue.id) serves damage at \(position)")
      }
      bodies.append(record.body)
      offset += record.size
    }
    return (bodies, fetch.nextOffset)
  }

  /// The record that bytes begin with; nil when it is none that the queue may bring.
  private static func record(
    _ bytes: [UInt8], of queue: ConsumeQueue
  ) throws(DecodeError) -> (size: Int, body: [UInt8])? {
    let record = try StoredRecord(bytes.rawSpan)
    let (topic, id) = (record.topic.text, record.queueID)
    guard record.bodyMatchesCRC, topic == queue.topic, id == queue.id else { return nil }
    return (record.size, record.body.array)
  }
}
