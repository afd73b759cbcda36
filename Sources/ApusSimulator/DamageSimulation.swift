import ApusBase
import ApusModel
import ApusStore
import ApusStoreCore

/// Runs the production store over a disk that gives back other bytes than it was given, and over files that somebody
/// cut or removed. The process is stopped in order and killed; the power stays on, so that every message that was taken
/// has to be there unless damage touched it.
///
/// **Promises.** A message that no damage touched is pulled at its queue offset, byte-equal, whatever is around it. One
/// that was touched is left out, or comes with body, topic, queue and place as they were: other fields have no
/// checksum. Nothing else comes, and of a topic that was removed nothing from before, unless the record of that was
/// damaged; even then no other message is missing. The scrub finds what no pull may serve. Whatever is there, a start
/// succeeds, pulls and look-ups come to an end, sends go on, and no queue offset of a message that is there is given
/// out again.
package final class DamageSimulation {
  /// What reaches the device whole or not at all, in bytes.
  private static let sector = SimulatedFile.sectorBytes

  private let seed: UInt64
  private let steps: Int
  private var random: SeededGenerator
  private let deletesTopics: Bool
  /// When topics are removed: a sequence of its own.
  private var deleting: SeededGenerator
  private let disk: SimulatedDisk
  private let storeSettings: StoreSettings
  private let indexSettings: MessageIndex.Settings
  private var workload: Workload
  private var broker: SimulatedBroker
  private var truth = DamagedMessages()
  private var report = DamageReport()
  private var step = 0
  /// Log files that were cut since the last start.
  private var cutLogFiles: Set<String> = []
  /// Whether queue files were cut or removed since the last start, which a start does not notice.
  private var isQueueDamaged = false
  /// What was done to the files, in order, for the report of a failure.
  private var deeds: [String] = []
  /// What the last start said about its recovery.
  private var recoveryEvents: [String] = []

  /// Sets a simulation up and opens its store, which is still empty. Without `deletesTopics` none is removed.
  package init(seed: UInt64, steps: Int = 300, deletesTopics: Bool = true) throws {
    self.seed = seed
    self.steps = steps
    self.deletesTopics = deletesTopics
    deleting = SeededGenerator(seed: seed ^ 0x6465_6C65)
    var random = SeededGenerator(seed: seed ^ 0x64_616D_6167_65)
    disk = SimulatedDisk(seed: random.next())
    disk.coldPercent = Int.random(in: 0...30, using: &random)
    var storeSettings = StoreSettings(root: "store")
    storeSettings.logFileBytes = [4096, 8192, 16_384].randomElement(using: &random) ?? 4096
    storeSettings.queueFileBytes = 20 * Int.random(in: 5...40, using: &random)
    storeSettings.queuesLoadedAhead = 1
    storeSettings.openQueueFiles = Int.random(in: 4...12, using: &random)
    storeSettings.queueTailBytes = Int.random(in: 0...20_000, using: &random)
    self.storeSettings = storeSettings
    workload = Workload(logFileBytes: storeSettings.logFileBytes)
    guard let layout = IndexLayout(slotCount: 16, entryCount: Int.random(in: 2...120, using: &random)) else {
      preconditionFailure("no such index file")
    }
    indexSettings = MessageIndex.Settings(directory: "store/index", layout: layout, entriesAhead: 8)
    broker = try SimulatedBroker(
      disk: disk, store: storeSettings, index: indexSettings, syncFlush: false, sabotage: nil
    ) { _ in }
    self.random = random
  }

  /// Runs all steps. Throws what a checker found, with seed and step.
  package func run() throws(SimulationFailure) -> DamageReport {
    do {
      while step < steps {
        step += 1
        try takeStep()
      }
      try stopAndStart()
      try checkAll()
    } catch {
      let said = recoveryEvents.isEmpty ? "" : "; the last start said: " + recoveryEvents.joined(separator: "; ")
      throw SimulationFailure(
        "seed \(seed), step \(step): \(error); done: \(deeds.suffix(8).joined(separator: ", "))\(said)")
    }
    report.steps = step
    report.touched = truth.touchedCount
    return report
  }

  // MARK: Steps

  private func takeStep() throws {
    disk.now = disk.now.advanced(byMilliseconds: Int64.random(in: 0...3000, using: &random))
    if deletesTopics, deleting.chance(1, in: 60) { removeTopic() }
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<45: try send()
    case 45..<55: _ = broker.store.dispatch()
    case 55..<88:
      let threads: [SimulatedBroker.Thread] = [.flusher, .queueWriter, .preparer, .indexer]
      broker.advance(threads.randomElement(using: &random) ?? .flusher, localHour: 12, using: &random)
    case 88..<92: damageMarkedLog()
    case 92..<95: try checkAll()
    case 95: try scrub()
    case 96: try kill()
    default: try stopAndStart()
    }
  }

  private func send() throws {
    let send = workload.next(using: &random)
    guard case .taken(let first) = try broker.send(send) else { return }
    for message in SimulatedBroker.messages(of: send, from: first) { truth.add(message) }
    report.sent += send.messages.count
  }

  /// Removes a topic, from which on it begins anew.
  private func removeTopic() {
    broker.finishStep(of: .queueWriter, localHour: 12, using: &deleting)
    guard let topic = Workload.topics.randomElement(using: &deleting), broker.remove(topic: topic) else { return }
    broker.finishStep(of: .remover, localHour: 12, using: &deleting)
    truth.remove(topic: topic)
    report.removals += 1
  }

  /// Stops in order, lets somebody meddle, starts.
  private func stopAndStart() throws {
    broker.finishAll(localHour: 12, using: &random)
    if let failure = broker.store.failure { throw SimulationFailure("the store failed: \(failure)") }
    try broker.close()
    for _ in 0..<Int.random(in: 0...2, using: &random) { meddle() }
    if deletesTopics, deleting.chance(1, in: 3) { meddleWithDeletions() }
    if isQueueDamaged { try repairQueues() }
    try start()
  }

  /// The process ends, and the next one starts. It knows what is durable by the mark, which it knows by one of two
  /// records: when both are damaged the log may be cut, as the mode allows, and nothing is to be learned.
  private func kill() throws {
    if random.chance(1, in: 2) { damageMarkedLog() }
    guard let mark,
      isLeft(mark.lastRecord.map { ($0.offset.rawValue, $0.size, $0.crc) })
        || isLeft(mark.witness.map { ($0.offset.rawValue, $0.size, $0.crc) })
    else { return }
    broker.abandonSteps()
    disk.crash(.kill)
    disk.restart()
    try start()
  }

  private var mark: DurableMark? {
    let file = disk.contents(of: storeSettings.root).first { $0.name == DurableMark.fileName }
    return file.flatMap { DurableMark.newest(in: $0.bytes.rawSpan) }
  }

  /// Whether a record that a mark names is what it was; one that it does not name is.
  private func isLeft(_ record: (offset: Int64, size: Int, crc: UInt32)?) -> Bool {
    guard let record else { return true }
    for file in disk.contents(of: storeSettings.logDirectory) {
      guard let start = Int64(file.name), start <= record.offset, record.offset < start + Int64(file.bytes.count) else {
        continue
      }
      return CRC32.checksum(Array(file.bytes[Int(record.offset - start)...].prefix(record.size)).rawSpan) == record.crc
    }
    return false
  }

  private func start() throws {
    do {
      broker = try open()
    } catch {
      // A log file of another length may belong to other settings: the start is refused until somebody has looked.
      guard !cutLogFiles.isEmpty else { throw SimulationFailure("the store does not open: \(error)") }
      report.refusals += 1
      for name in cutLogFiles.sorted() { restoreLength(of: name) }
      do { broker = try open() } catch { throw SimulationFailure("the store does not open: \(error)") }
    }
    cutLogFiles = []
    truth.forgetDamaged(from: broker.store.marks.appended.rawValue)
    report.starts += 1
    try checkAll()
  }

  private func open() throws -> SimulatedBroker {
    recoveryEvents = []
    return try SimulatedBroker(
      disk: disk, store: storeSettings, index: indexSettings, syncFlush: false, sabotage: nil
    ) { recoveryEvents.append($0.description) }
  }

  private func restoreLength(of name: String) {
    guard let file = disk.contents(of: storeSettings.logDirectory).first(where: { $0.name == name }) else { return }
    let missing = [UInt8](repeating: 0, count: storeSettings.logFileBytes - file.bytes.count)
    disk.replace("\(storeSettings.logDirectory)/\(name)", with: file.bytes + missing)
  }

  // MARK: Damage

  /// Damages the log somewhere before an offset.
  private func damageLog(before end: Int64) {
    let files = disk.contents(of: storeSettings.logDirectory).compactMap { file in
      Int64(file.name).flatMap { $0 < end ? LogFile(start: $0, name: file.name, bytes: file.bytes) : nil }
    }
    guard let file = files.randomElement(using: &random), !file.bytes.isEmpty else { return }
    let limit = Int(min(Int64(file.bytes.count), end - file.start))
    switch Int.random(in: 0..<3, using: &random) {
    case 0:
      let (place, byte) = flippedBit(in: file.bytes[..<limit])
      change(file, place, [byte], .flippedBit)
    case 1:
      let range = sectors(in: limit)
      change(file, range.lowerBound, [UInt8](repeating: 0, count: range.count), .lostWrite)
    default:
      let range = sectors(in: limit)
      let source = files.randomElement(using: &random) ?? file
      let last = max(0, source.bytes.count - range.count)
      let first = Int.random(in: 0...last, using: &random) / Self.sector * Self.sector
      change(file, range.lowerBound, Array(source.bytes.dropFirst(first).prefix(range.count)), .misdirectedWrite)
    }
  }

  /// Damages the log before the mark that is on the device: what lies behind it may be cut by the next start.
  private func damageMarkedLog() {
    guard let mark else { return }
    damageLog(before: mark.offset.rawValue)
  }

  private struct LogFile {
    var start: Int64
    var name: String
    var bytes: [UInt8]
  }

  /// A place in bytes of which there is at least one, and its byte with one bit flipped.
  private func flippedBit(in bytes: ArraySlice<UInt8>) -> (place: Int, byte: UInt8) {
    let place = Int.random(in: bytes.indices, using: &random)
    return (place, bytes[place] ^ 1 << UInt8.random(in: 0...7, using: &random))
  }

  /// One to three whole sectors of a file's first `limit` bytes, cut at the limit.
  private func sectors(in limit: Int) -> Range<Int> {
    let first = Int.random(in: 0..<limit, using: &random) / Self.sector * Self.sector
    return first..<min(limit, first + Self.sector * Int.random(in: 1...3, using: &random))
  }

  private func change(_ file: LogFile, _ place: Int, _ bytes: [UInt8], _ kind: DamageKind) {
    let changed = bytes.indices.filter { bytes[$0] != file.bytes[place + $0] }.map { place + $0 }
    guard let first = changed.first, let last = changed.last else { return }
    disk.damage("\(storeSettings.logDirectory)/\(file.name)", at: place, with: bytes)
    for place in changed { truth.touch(file.start + Int64(place)) }
    note(kind, "\(file.name) at \(first)..<\(last + 1)")
  }

  /// What happens to a store that is closed.
  private func meddle() {
    let end = broker.store.marks.appended.rawValue
    switch Int.random(in: 0..<8, using: &random) {
    case 0, 1: damageLog(before: end)
    case 2: cutLogFile()
    case 3: flip(in: "store/index", .flippedIndexBit)
    case 4: lose(in: "store/index", .lostIndexFile)
    case 5:
      let name = random.chance(1, in: 2) ? DurableMark.fileName : "checkpoint"
      disk.lose("\(storeSettings.root)/\(name)")
      note(.lostMark, name)
    default: meddleWithQueue()
    }
  }

  private func cutLogFile() {
    let files = disk.contents(of: storeSettings.logDirectory)
    guard let (name, bytes) = files.randomElement(using: &random), let start = Int64(name), !bytes.isEmpty else {
      return
    }
    let length = Int.random(in: 0..<bytes.count, using: &random)
    disk.replace("\(storeSettings.logDirectory)/\(name)", with: Array(bytes[..<length]))
    for place in length..<bytes.count where bytes[place] != 0 { truth.touch(start + Int64(place)) }
    cutLogFiles.insert(name)
    note(.cutLogFile, "\(name) to \(length)")
  }

  private func meddleWithQueue() {
    guard let queue = truth.queues.randomElement(using: &random) else { return }
    let directory = "store/consumequeue/\(queue.topic)/\(queue.id)"
    guard let (name, bytes) = disk.contents(of: directory).randomElement(using: &random), !bytes.isEmpty,
      let start = Int64(name)
    else { return }
    switch Int.random(in: 0..<4, using: &random) {
    case 0:
      let (place, byte) = flippedBit(in: bytes[...])
      disk.damage("\(directory)/\(name)", at: place, with: [byte])
      truth.touchEntry(of: queue, at: (start + Int64(place)) / 20)
      isQueueDamaged = isQueueDamaged || random.chance(1, in: 2)
      note(.flippedQueueBit, "\(queue) \(name) at \(place)")
    case 1:
      let length = Int.random(in: 0..<bytes.count, using: &random)
      disk.replace("\(directory)/\(name)", with: Array(bytes[..<length]))
      isQueueDamaged = true
      note(.cutQueueFile, "\(queue) \(name) to \(length)")
    case 2:
      // Entries that are lost at a queue's end cannot be told from ones that were never written.
      let last = (0..<bytes.count / 20).last { ConsumeQueueEntry(bytes.rawSpan, at: $0 * 20).isWritten }
      guard let last, last > 0 else { return }
      let range = sectors(in: last * 20)
      disk.damage("\(directory)/\(name)", at: range.lowerBound, with: [UInt8](repeating: 0, count: range.count))
      for entry in (start + Int64(range.lowerBound)) / 20...(start + Int64(range.upperBound) - 1) / 20 {
        truth.touchEntry(of: queue, at: entry)
      }
      isQueueDamaged = isQueueDamaged || random.chance(1, in: 2)
      note(.lostQueueWrite, "\(queue) \(name) at \(range)")
    default:
      disk.lose("\(directory)/\(name)")
      isQueueDamaged = true
      note(.lostQueueFile, "\(queue) \(name)")
    }
  }

  private func meddleWithDeletions() {
    let path = storeSettings.deletionsPath
    guard let bytes = disk.bytes(at: path), !bytes.isEmpty else { return }
    let place = Int.random(in: bytes.indices, using: &deleting)
    let kinds: [DamageKind] = [.flippedDeletionBit, .cutDeletions, .lostDeletions]
    let kind = kinds.randomElement(using: &deleting) ?? .lostDeletions
    switch kind {
    case .flippedDeletionBit:
      disk.damage(path, at: place, with: [bytes[place] ^ 1 << UInt8.random(in: 0...7, using: &deleting)])
    case .cutDeletions: disk.replace(path, with: Array(bytes[..<place]))
    default: disk.lose(path)
    }
    truth.forgetRemovals()
    note(kind, "at \(place)")
  }

  private func flip(in directory: String, _ kind: DamageKind) {
    guard let (name, bytes) = disk.contents(of: directory).randomElement(using: &random), !bytes.isEmpty else { return }
    let (place, byte) = flippedBit(in: bytes[...])
    disk.damage("\(directory)/\(name)", at: place, with: [byte])
    truth.isIndexDamaged = true
    note(kind, name)
  }

  private func lose(in directory: String, _ kind: DamageKind) {
    guard let (name, _) = disk.contents(of: directory).randomElement(using: &random) else { return }
    disk.lose("\(directory)/\(name)")
    truth.isIndexDamaged = true
    note(kind, name)
  }

  private func note(_ kind: DamageKind, _ place: String) {
    report.damage[kind, default: 0] += 1
    deeds.append("step \(step) \(kind.rawValue) \(place)")
  }

  /// What somebody does whose queue files are not what they were: looks through the store, and has queues that do not
  /// fit the log built anew.
  private func repairQueues() throws {
    isQueueDamaged = false
    var kinds: Set<StoreFinding.Kind> = []
    try StoreInspection(disk: disk, settings: storeSettings, index: nil) { kinds.insert($0.kind) }.run()
    guard !kinds.isDisjoint(with: [.entriesMissing, .entryDiffers, .entryDangling, .queueFile]) else { return }
    report.repairs += 1
    for (path, _) in disk.files where path.hasPrefix(storeSettings.queueDirectory + "/") { disk.lose(path) }
    disk.lose(storeSettings.markPath)
    truth.forgetEntries()
    deeds.append("step \(step) repaired queues")
  }

  // MARK: Checks

  private func checkAll() throws {
    _ = broker.store.dispatch()
    if let failure = broker.store.failure { throw SimulationFailure("the store failed: \(failure)") }
    for queue in truth.queues { try check(queue) }
    broker.runIndexer(using: &random)
    try checkIndex()
  }

  /// Pulls a queue from its beginning to its end.
  private func check(_ queue: SentMessages.Queue) throws {
    guard let consumeQueue = try broker.store.queue(topic: queue.topic, id: queue.id) else {
      guard truth.untouched(in: queue).isEmpty || truth.isMixedUp(queue) else {
        throw SimulationFailure("\(queue) is not there")
      }
      return
    }
    let claims = truth.claims(in: disk.contents(of: storeSettings.logDirectory), of: queue)
    var served: [Int64: ScannedLog.Record] = [:]
    guard consumeQueue.maxOffset.rawValue - consumeQueue.minOffset.rawValue < 1 << 20 else {
      throw SimulationFailure("\(queue) has \(consumeQueue.minOffset)..<\(consumeQueue.maxOffset), too wide a gap")
    }
    var next = consumeQueue.minOffset.rawValue
    while next < consumeQueue.maxOffset.rawValue {
      let (records, following) = try pull(consumeQueue, at: next)
      guard following > next else { throw SimulationFailure("\(queue): a pull at \(next) goes on at \(following)") }
      for record in records { served[record.queueOffset] = record }
      next = following
    }
    for record in served.values { try truth.check(record, servedBy: queue) }
    if truth.isMixedUp(queue) { return }
    for message in truth.untouched(in: queue) where served[message.queueOffset]?.offset != message.offset {
      if claims.contains(message.queueOffset) { continue }
      throw SimulationFailure(
        "\(queue) does not bring message \(message.id) at \(message.queueOffset), log offset \(message.offset), "
          + "of \(consumeQueue.minOffset)..<\(consumeQueue.maxOffset)")
    }
  }

  private func pull(_ queue: ConsumeQueue, at offset: Int64) throws -> ([ScannedLog.Record], next: Int64) {
    var fetch = Fetch()
    for _ in 0..<8 {
      broker.store.fetch(
        from: queue, at: QueueOffset(offset), limits: FetchLimits(maxMessages: 32), filter: .all, into: &fetch)
      guard let cold = fetch.cold else { break }
      broker.store.finish(cold, cold.run(on: disk))
    }
    guard fetch.cold == nil else { throw SimulationFailure("\(queue.topic)/\(queue.id) stays cold at \(offset)") }
    for range in fetch.dropDamaged(of: queue.topic, queue.id) { broker.store.noteDamage(range) }
    var writer = ByteWriter()
    fetch.copy(into: &writer)
    report.pulls += 1
    guard let records = ScannedLog.records(in: writer.array) else {
      throw SimulationFailure("\(queue.topic)/\(queue.id) brings what is no record at \(offset)")
    }
    return (records, fetch.nextOffset.rawValue)
  }

  /// Look-ups by key end, and find what no damage touched.
  private func checkIndex() throws {
    let always = WallTime(milliseconds: 0)...WallTime(milliseconds: 1 << 60)
    for message in truth.all where message.offset < broker.indexed.rawValue {
      for key in truth.keys(of: message) {
        let found = broker.index.query(
          topic: Array(message.topic.utf8).rawSpan, key: Array(key.utf8).rawSpan, in: always, limit: .max)
        guard !truth.isIndexDamaged, !truth.isTouched(message), message.offset >= broker.store.minOffset.rawValue else {
          continue
        }
        guard found.contains(PhysicalOffset(message.offset)) else {
          throw SimulationFailure(
            "the index does not find message \(message.id) at \(message.offset) by \(key)"
          )
        }
      }
    }
  }

  /// A whole round of the scrub knows of every body in old files that is not what was stored.
  private func scrub() throws {
    let rounds = broker.store.scrubRounds
    for _ in 0..<10_000 where broker.store.scrubRounds < rounds + 2 {
      guard let plan = broker.store.planScrub(limit: 4096) else { return }
      broker.store.finish(plan, plan.run(on: disk))
    }
    guard broker.store.scrubRounds >= rounds + 2 else { throw SimulationFailure("the scrub does not come round") }
    let known = broker.store.damage.ranges
    let log = disk.contents(of: storeSettings.logDirectory)
    let cold =
      broker.store.marks.flushed.rawValue / Int64(storeSettings.logFileBytes) * Int64(storeSettings.logFileBytes)
    for message in truth.damagedBodies(in: log)
    where message.end <= cold && message.offset >= broker.store.minOffset.rawValue {
      let isKnown = known.contains { $0.lowerBound.rawValue < message.end && $0.upperBound.rawValue > message.offset }
      guard isKnown else {
        let ranges = known.map { "\($0.lowerBound)..<\($0.upperBound)" }.joined(separator: " ")
        throw SimulationFailure(
          "the scrub does not find message \(message.id) at \(message.offset)..<\(message.end), whose body is damaged; "
            + "it knows of \(ranges)")
      }
    }
  }
}
