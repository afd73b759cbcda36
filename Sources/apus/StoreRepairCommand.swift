import ApusBase
import ApusCommandLine
import ApusModel
import ApusStore
import ApusStoreCore
import ApusSystem

/// `apus store repair`: does what the next start would do, then builds queues and index anew from the log where they do
/// not fit it. Without `--yes` it only says so. Nothing of the log is removed but what recovery cuts, which is said;
/// the queues and index of before are kept beside the new ones.
enum StoreRepairCommand {
  static func run(_ store: ClosedStore, _ arguments: Arguments) throws(CommandFailure) {
    let delayQueues = "\(store.settings.queueDirectory)/\(SystemTopics.schedule)"
    var differ = false
    let before = try StoreCheckCommand.inspect(store) { finding in
      say(StoreCheckCommand.text(of: finding, below: store.root))
      if finding.kind == .entryDiffers, finding.path.utf8.starts(with: delayQueues.utf8) { differ = true }
    }
    if arguments.text("delay-levels") == nil {
      try refuseUnknownLevels(store, delayQueues, differ: differ, wasClosed: before.totals.wasClosed, arguments)
    }
    let queueKinds: Set<StoreFinding.Kind> = [.entriesMissing, .entryDiffers, .entryDangling, .queueFile]
    let indexKinds: Set<StoreFinding.Kind> = [.indexFile, .keyMissing, .keyDangling]
    let rebuildsQueues = arguments.has("queues") || !before.kinds.isDisjoint(with: queueKinds)
    let rebuildsIndex = arguments.has("index") || !before.kinds.isDisjoint(with: indexKinds)
    guard arguments.has("yes") else {
      return plan(before, rebuildsQueues: rebuildsQueues, rebuildsIndex: rebuildsIndex, store)
    }
    store.unlock()
    try start(store, "recovery")
    if rebuildsQueues { try rebuildQueues(store) }
    if rebuildsIndex, let layout = store.index { try rebuildIndex(store, layout) }
    say("repaired; 'apus store check' says how the store is now")
  }

  /// An entry of a delayed message says when it is due: made anew with other delays than its broker's it would have the
  /// message delivered too early or too late.
  private static func refuseUnknownLevels(
    _ store: ClosedStore, _ delayQueues: String, differ: Bool, wasClosed: Bool, _ arguments: Arguments
  ) throws(CommandFailure) {
    if differ {
      throw arguments.failure(
        "entries of delayed messages do not have RocketMQ's delays: say --delay-levels (messageDelayLevel)")
    }
    let areThere: Bool
    do throws(DiskError) {
      areThere = try !store.disk.list(delayQueues).isEmpty
    } catch {
      throw store.failure(error)
    }
    guard !wasClosed, areThere else { return }
    throw arguments.failure(
      "the store was not closed in order and has delayed messages: start and stop its broker, or say --delay-levels "
        + "(messageDelayLevel)")
  }

  private static func say(_ line: String) { ToolOutput.show(line + "\n") }

  private static func plan(
    _ before: StoreCheckCommand.Outcome, rebuildsQueues: Bool, rebuildsIndex: Bool, _ store: ClosedStore
  ) {
    say("\(before.problems) problems, \(before.notes) notes; with --yes this would")
    say("- start the store as a broker does: damage below what is durable is passed over and stays where it is,")
    say("  the log is cut at the first bad record above it, files of the wrong length get theirs")
    if rebuildsQueues { say("- move consumequeue aside and build all queues anew from the log") }
    if rebuildsIndex, store.index != nil { say("- move index aside and build the index anew from the log") }
    say("- close the store in order")
  }

  /// Opens the store as a broker does, which recovers it, and closes it in order.
  private static func start(_ store: ClosedStore, _ what: String) throws(CommandFailure) {
    let opened = try open(store, what)
    do throws(DiskError) { try opened.close() } catch { throw store.failure(error) }
  }

  private static func open(_ store: ClosedStore, _ what: String) throws(CommandFailure) -> MessageStore {
    do throws(StoreError) {
      return try MessageStore.open(
        disk: store.disk, settings: store.settings, workers: .threads(Thread.processorCount, name: "apus-load"),
        log: { say("\(what): \($0)") })
    } catch {
      throw CommandFailure(.disk, "the store \(store.root): \(error)")
    }
  }

  /// How many earlier states of one thing may be kept beside it.
  private static let keptLimit = 999
  /// The number of "file exists" (EEXIST).
  private static let fileExists: Int32 = 17

  /// The name under which something is kept that is built anew.
  private static func aside(_ path: String, _ store: ClosedStore) throws(DiskError) -> String {
    let directory = DiskPath.directory(of: path)
    for number in 1...keptLimit {
      let name = "\(path).before-repair-\(number)"
      if try store.disk.list(directory).allSatisfy({ directory + "/" + $0.name != name }) { return name }
    }
    throw DiskError(.failed(fileExists), operation: "rename", path: path)
  }

  private static func moveAside(_ path: String, _ store: ClosedStore) throws(DiskError) {
    let name = try aside(path, store)
    try store.disk.rename(path, to: name)
    try store.disk.syncDirectory(DiskPath.directory(of: path))
    say("moved \(path) to \(name)")
  }

  /// The store was closed in order, so that all its log counts as durable: with no queue left recovery reads all of it.
  private static func rebuildQueues(_ store: ClosedStore) throws(CommandFailure) {
    do throws(DiskError) {
      try moveAside(store.settings.queueDirectory, store)
      try store.disk.removeFile(store.settings.markPath)
    } catch {
      throw store.failure(error)
    }
    try start(store, "queues")
  }

  private static func rebuildIndex(_ store: ClosedStore, _ layout: IndexLayout) throws(CommandFailure) {
    let directory = store.root + "/index"
    do throws(DiskError) { try moveAside(directory, store) } catch { throw store.failure(error) }
    let opened = try open(store, "index")
    do throws(DiskError) {
      let settings = MessageIndex.Settings(directory: directory, layout: layout)
      let left = MessageIndex.Left(
        cleanly: true, checkpoint: WallTime(milliseconds: 0), logEnd: opened.marks.appended)
      let index = try MessageIndex.open(disk: store.disk, settings: settings, after: left).index
      defer { index.close(on: store.disk) }
      try fill(index, from: opened, on: store.disk)
      while let step = index.planFlush() { index.finish(step, try step.run(on: store.disk)) }
      opened.indexTime = index.durableTime
      try opened.close()
    } catch {
      throw store.failure(error)
    }
  }

  private static func fill(
    _ index: MessageIndex, from store: MessageStore, on disk: any Disk
  ) throws(DiskError) {
    var next = store.minOffset
    _ = store.dispatch()
    while true {
      while let step = index.planStep(now: SystemClock.wall(), name: { LocalTime($0).compact }) {
        index.finish(step, try step.run(on: disk))
      }
      switch store.read(from: next, limit: LogSlice.sufficientBytes) {
      case .end: return
      case .cold(let plan): store.finish(plan, plan.run(on: disk))
      // A file that cannot be read is told as a finding; the index does without it.
      case .failed(let following): next = following
      case .slice(let slice): next = index.put(slice).next
      }
    }
  }
}
