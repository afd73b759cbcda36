import ApusBase
import ApusProtocol
package import ApusSimulator
import ApusSystem

/// Runs the production broker, all of it but its port, on a ``SimulatedMachine`` over a ``SimulatedDisk``, with
/// simulated clients, one turn of one of its threads at a time. After each start, and at the end, what its log holds is
/// held against what clients sent and were told.
///
/// **Promises.** An answer of a broker that flushes synchronously holds for good, one of another as long as the machine
/// has power, and for good once a start has found the message. The rules are those of ``LogRules`` and of the clients.
package final class BrokerSimulation {
  private let settings: BrokerSimulationSettings
  private let machine: SimulatedMachine
  private let disk: SimulatedDisk
  private var random: SeededGenerator
  private let world: SimulatedWorld
  private let faults: NetworkFaults
  private let configuration: SimulatedConfiguration
  private let log: Logger
  private let tampering: Tampering?
  private var broker: BrokerProcess?
  private var watch = LoopWatch()
  /// The port that the last client came from.
  private var lastPort: UInt16 = 40_000
  private var peers: [SimulatedPeer] = []
  private let producers: [SimulatedProducer]
  private let consumer: SimulatedConsumer
  private let lightReader: SimulatedLightReader
  private let administrator: SimulatedAdministrator
  private let visitor: SimulatedVisitor
  private let lockHolders: [SimulatedLockHolder]
  private let groups: [SimulatedGroup]
  private var report = BrokerSimulationReport()
  private var step = 0
  /// What starts found.
  private var found: FoundRecords
  /// How many copies there were of messages when a start found that they were taken out.
  private var cancelled: [String: Int] = [:]
  /// Records that were not delivered as they are, for those who try to be given them.
  private var undelivered: [ScannedLog.Record] = []
  private var latestTime: WallTime
  /// How long the broker is to be down the next time, in milliseconds; nil when that is left to chance.
  private var longDowntime: Int64?
  /// Whether the machine was off for long before the present start.
  private var isAfterDowntime = false
  /// In how many steps the machine stops, as somebody has just deleted a topic; nil for not yet.
  private var stepsToCrash: Int?
  private var removalWatch: RemovalWatch
  /// The latest that it ever was.
  private var now: Int64 { max(latestTime, machine.wall).milliseconds }
  private var clockJumped: Bool { report.counts[Trouble.clockJump.rawValue] != nil }
  /// How many of a thousand steps are quiet.
  private let calmSteps: Int
  private static let largeCapacity: Int64 = 1 << 40

  /// Sets a simulation up.
  package init(_ settings: BrokerSimulationSettings) {
    var random = SeededGenerator(seed: settings.seed)
    let begin = WallTime(milliseconds: 1_800_000_000_000)
    let machine = SimulatedMachine(wall: begin, seed: random.next())
    let disk = SimulatedDisk(seed: random.next(), now: begin)
    disk.coldPercent = Int.random(in: 0...20, using: &random)
    disk.ignoresFlushes = settings.canary == .acknowledgeBeforeFlush
    disk.hidesFailedSyncs = settings.canary == .ignoreSyncErrors
    let configuration = SimulatedConfiguration(using: &random)
    let world = SimulatedWorld(machine: machine, seed: random.next(), configuration, canary: settings.canary)
    let faults = NetworkFaults(seed: random.next())
    faults.isCalm = settings.without.contains(.network)
    let table = SimulatedLockHolder.Table()
    producers = (0..<SimulatedProducer.count).map { SimulatedProducer(world, number: $0) }
    consumer = SimulatedConsumer(world)
    lightReader = SimulatedLightReader(world)
    administrator = SimulatedAdministrator(world)
    visitor = SimulatedVisitor(world)
    lockHolders = ["left", "right"].map { SimulatedLockHolder($0, world, table) }
    groups = [
      SimulatedGroup("workers", isOrderly: false, memberCount: 3, world),
      SimulatedGroup("clerks", isOrderly: true, memberCount: 2, world),
    ]
    log = Logger(descriptor: settings.logDescriptor, level: settings.logDescriptor < 0 ? .error : .info)
    tampering = settings.canary.map { Tampering($0) }
    latestTime = begin
    calmSteps = Int.random(in: 955...992, using: &random)
    removalWatch = RemovalWatch(seed: settings.seed)
    self.settings = settings
    self.machine = machine
    self.disk = disk
    self.configuration = configuration
    found = FoundRecords(retention: configuration.retention)
    self.world = world
    self.faults = faults
    self.random = random
    world.mayBeGone = { [weak self] storeTime in
      guard let self else { return false }
      return found.isExpired(storeTime, now: now)
    }
    world.onDeletion = { [weak self] isAnswered in self?.troubleDeletion(isAnswered) }
    world.dial = { [weak self] name in self?.dial(name) }
  }

  /// Runs all steps, lets everything settle, and looks at the end. Throws what a checker found, with seed and step.
  package func run() throws(SimulationFailure) -> BrokerSimulationReport {
    do {
      try machine.run {
        defer { end() }
        try start()
        while step < settings.steps {
          step += 1
          try takeStep()
        }
        try settle()
      }
    } catch {
      throw SimulationFailure("seed \(settings.seed), step \(step): \(error)")
    }
    report.steps = step
    report.count("answers lost", faults.lostAnswers)
    report.count("requests repeated", faults.repeatedRequests)
    report.count("messages", world.known.keys.count)
    for (name, number) in world.counts { report.count(name, number) }
    for (kind, number) in disk.crashes { report.count("\(kind.rawValue)", number) }
    for (call, number) in disk.faults { report.count("failed \(call.rawValue)", number) }
    return report
  }

  private func end() {
    dropPeers()
    abandonBroker()
  }

  // MARK: Steps

  private func takeStep() throws {
    crashAfterDeletion()
    losePowerAfterRemoval()
    guard !disk.hasCrashed else { return try afterTurn() }
    switch Int.random(in: 0..<1000, using: &random) {
    case 0..<470: turn()
    case 470..<700: act()
    case 700..<900: pass(Int64.random(in: 1...40, using: &random))
    case 900..<940: pass(Int64.random(in: 100...2000, using: &random))
    case 940..<950: disk.writeBack()
    case 950..<calmSteps: turn()
    default: try stir()
    }
    try afterTurn()
  }

  private func turn() {
    guard machine.threadCount > 0 else { return }
    machine.runTurn(of: Int.random(in: 0..<machine.threadCount, using: &random))
  }

  /// Clients hear and say something, and the loops look.
  private func act() {
    if stepsToCrash != nil, random.chance(1, in: 3) {
      producers.randomElement(using: &random)?.actAfterDeletion()
      return visitor.act()
    }
    switch Int.random(in: 0..<42, using: &random) {
    case 36: administrator.act()
    case 37..<42: visitor.act()
    case 20..<36: for _ in 0..<6 { groups.randomElement(using: &random)?.act() }
    case 0..<9: producers.randomElement(using: &random)?.act()
    case 9..<16: consumer.act()
    case 16: lightReader.act()
    case 17, 18: lockHolders.randomElement(using: &random)?.act()
    default:
      let record = undelivered.randomElement(using: &random)
      if let record, !settings.without.contains(.theft) {
        consumer.steal(record)
        report.count(Trouble.theft.rawValue)
      }
    }
  }

  private func pass(_ milliseconds: Int64) {
    machine.advance(by: milliseconds)
    disk.now = machine.wall
    latestTime = max(latestTime, machine.wall)
  }

  /// After whatever happened: did the machine stop, and what do clients hear?
  private func afterTurn() throws {
    if disk.hasCrashed { try restartAfterCrash() }
    for peer in peers { try peer.poll() }
    peers.removeAll { !$0.isOpen }
    if let failure = world.failure { throw failure }
  }

  /// Something goes wrong, or somebody does something to the machine.
  private func stir() throws {
    let choice = Int.random(in: 0..<45, using: &random)
    let kind: Trouble =
      switch choice {
      case 0..<4: .kill
      case 4..<8: .powerLoss
      case 8..<12: .crashInCall
      case 12..<17: .diskFault
      case 17..<20: .fullDisk
      case 20..<23: .restart
      case 23..<26: .clockJump
      default: .theft
      }
    let number = Int.random(in: 1...25, using: &random)
    guard kind != .theft, !settings.without.contains(kind) else { return }
    report.count(kind.rawValue)
    switch kind {
    case .kill: disk.crash(.kill)
    case .powerLoss: disk.crash(.powerLoss)
    case .crashInCall: disk.plan = FaultPlan(crashAtCall: number, crashKind: number % 2 == 0 ? .kill : .powerLoss)
    case .diskFault: disk.plan = .fault(number)
    case .fullDisk: disk.capacity = disk.capacity == Self.largeCapacity ? 1 << 19 : Self.largeCapacity
    case .restart: try restart()
    case .clockJump:
      machine.wall = machine.wall.advanced(byMilliseconds: Int64(number - 13) * 2500)
      pass(0)
    case .downtime, .network, .theft, .lostQueues: return
    }
  }

  /// Trouble with the deletion of a topic that was asked for, or answered just now.
  private func troubleDeletion(_ isAnswered: Bool) {
    let number = Int.random(in: 1...40, using: &random)
    if isAnswered {
      if number % 3 == 0 { stepsToCrash = 2 * number }
    } else if disk.plan == FaultPlan() {
      if number % 4 == 0, !settings.without.contains(.crashInCall) {
        report.count(Trouble.crashInCall.rawValue)
        disk.plan = FaultPlan(crashAtCall: 1 + number / 2, crashKind: number % 8 == 0 ? .kill : .powerLoss)
      } else if number % 9 == 0, !settings.without.contains(.diskFault) {
        report.count(Trouble.diskFault.rawValue)
        disk.plan = .fault(number)
      }
    }
  }

  /// The machine stops soon after the deletion of a topic.
  private func crashAfterDeletion() {
    guard let left = stepsToCrash else { return }
    stepsToCrash = left > 1 ? left - 1 : nil
    guard left == 1 else { return }
    let (trouble, kind): (Trouble, CrashKind) = random.chance(1, in: 2) ? (.kill, .kill) : (.powerLoss, .powerLoss)
    guard !settings.without.contains(trouble) else { return }
    report.count("stops after deletions")
    disk.crash(kind)
  }

  /// The power goes soon after log files went.
  private func losePowerAfterRemoval() {
    guard !world.keepsAll, !settings.without.contains(.powerLoss),
      removalWatch.isDue(removed: disk.removals["store/commitlog", default: 0]), !disk.hasCrashed
    else { return }
    report.count("stops after removals")
    disk.crash(.powerLoss)
  }

  // MARK: Starting and stopping

  /// The machine stopped during a start that did not notice.
  private struct Interrupted: Error {}

  private func start() throws {
    while true {
      let left = watch.remaining()
      guard left == 0 else { throw SimulationFailure("\(left) loops of brokers that have ended are still there") }
      do {
        let entries = configuration.entries(keepsAll: world.isSettling, using: &random)
        let kept = KeptOffsets(disk, light: configuration.hasLightQueues)
        let broker = try BrokerProcess(
          entries.settings, loopCount: entries.loops, disk: disk, log: log, watch: &watch)
        self.broker = broker
        guard !disk.hasCrashed else { throw Interrupted() }
        let audited = try audit(upTo: broker.recoveredEnd)
        try broker.start()
        guard !disk.hasCrashed else { throw Interrupted() }
        world.isSynchronous = entries.isSynchronous
        report.starts += 1
        greet(kept, audited)
        planCrashAfterDowntime()
        return
      } catch let failure as SimulationFailure {
        throw failure
      } catch {
        // A start may fail with the disk; one that meets neither crash nor fault may not.
        guard disk.hasCrashed || !disk.plan.failures.isEmpty || disk.capacity != Self.largeCapacity else {
          throw SimulationFailure("the broker does not start: \(error)")
        }
        if !disk.hasCrashed { disk.crash(.kill) }
        abandonBroker()
        try prepareRestart()
      }
    }
  }

  /// Connects a client; nil when it cannot be reached.
  private func dial(_ name: String) -> SimulatedPeer? {
    guard let broker else { return nil }
    do {
      lastPort = lastPort == .max ? 40_000 : lastPort + 1
      let peer = SimulatedPeer(try broker.connect(port: lastPort), name: name, faults: faults)
      peer.tamper = tampering
      peers.append(peer)
      return peer
    } catch {
      world.fail("\(name) cannot be connected: \(error)")
      return nil
    }
  }

  /// Connects everybody.
  private func greet(_ kept: KeptOffsets, _ audited: AuditedLog) {
    world.startCount += 1
    func connect(_ name: String, _ body: (SimulatedPeer) -> Void) { dial(name).map(body) }
    for (index, producer) in producers.enumerated() { connect("producer \(index)") { producer.connect($0) } }
    // One that went on by itself after messages were lost would be beyond them.
    let (wereLost, isNew) = (world.lostMessages, world.lostMessages || random.chance(1, in: 2))
    world.lostMessages = false
    let written = kept.offsets(of: SimulatedConsumer.group)
    connect("consumer") { consumer.connect($0, kept: written, ends: audited.ends, isNew: isNew) }
    connect("administrator") { administrator.connect($0) }
    connect("visitor") { visitor.connect($0) }
    connect("light reader") { lightReader.connect($0, audited) }
    for (index, holder) in lockHolders.enumerated() { connect("lock holder \(index)") { holder.connect($0) } }
    for group in groups { group.connect(kept: kept.offsets(of: group.name), audited, isNew: wereLost) }
  }

  /// Scans the log and holds it against everything known. What recovery found, all before `end`, stays from now on;
  /// what the broker stored while it opened, an operation message that a crash left out, is not on the device yet.
  private func audit(upTo end: Int64) throws -> AuditedLog {
    let audited = try found.read(disk, now: now)
    report.counts["expired bytes"] = audited.start > 0 ? Int(audited.start) : nil
    report.counts["timers stored anew"] = audited.rolledTimers > 0 ? audited.rolledTimers : nil
    try rules(for: audited).check(world.tries)
    world.known.found { place, key in audited.byOffset[place.offset]?.key == key }
    world.tries.found(audited)
    world.fleeting.found(audited, upTo: end)
    found.found(audited, upTo: end)
    for (key, place) in audited.cancelled where cancelled[key] == nil && place < end {
      cancelled[key] = audited.timedCopies(of: key)
    }
    undelivered = audited.records.suffix(200).filter { AuditedLog.undeliveredTopics.contains($0.topic) }
    return audited
  }

  private func rules(for audited: AuditedLog) -> LogRules {
    LogRules(
      audited: audited, known: world.known, levels: world.levels, clockJumped: clockJumped,
      latestTime: now, isExpired: { [world] in world.isExpired($0) }, cancelled: cancelled,
      deletions: world.fleeting.deletionCounts)
  }

  private func dropPeers() {
    for peer in peers { peer.drop() }
    peers = []
  }

  private func abandonBroker() {
    broker?.abandon(on: machine)
    broker = nil
  }

  private func restartAfterCrash() throws {
    dropPeers()
    abandonBroker()
    try prepareRestart()
    try start()
  }

  /// How long the broker is down, in milliseconds.
  private func downtime() -> Int64 {
    if let longDowntime {
      self.longDowntime = nil
      return longDowntime
    }
    guard let retention = configuration.retention, !world.isSettling, !settings.without.contains(.downtime),
      random.chance(1, in: 3)
    else { return Int64.random(in: 10...3000, using: &random) }
    report.count(Trouble.downtime.rawValue)
    isAfterDowntime = true
    return Int64.random(in: retention / 4...3 * retention, using: &random)
  }

  /// After a long downtime files expire within seconds: that is when a loss of power meets them, at any call or at one
  /// of those that make the difference between a file that may go and one that may not.
  private func planCrashAfterDowntime() {
    guard isAfterDowntime else { return }
    isAfterDowntime = false
    guard random.chance(1, in: 2), !world.isSettling, !settings.without.contains(.crashInCall) else { return }
    report.count(Trouble.crashInCall.rawValue)
    let places: [(call: DiskCall?, last: Int)] = [(nil, 80), (.flush, 8), (.removeFile, 4), (.syncDirectory, 8)]
    let place = places.randomElement(using: &random) ?? places[0]
    disk.plan = FaultPlan(
      crashAtCall: Int.random(in: 1...place.last, using: &random), of: place.call, crashKind: .powerLoss)
  }

  /// The machine comes up again.
  private func prepareRestart() throws {
    if disk.lastCrash == .powerLoss { world.losePower() }
    disk.restart()
    machine.endProcess()
    disk.capacity = Self.largeCapacity
    pass(downtime())
    meddle()
    if random.chance(1, in: 6), !world.isSettling, !settings.without.contains(.crashInCall) {
      report.count("crashInStart")
      let number = Int.random(in: 1...120, using: &random)
      disk.plan = FaultPlan(crashAtCall: number, crashKind: number % 2 == 0 ? .kill : .powerLoss)
    }
  }

  /// What somebody does to the files of a broker that is down.
  private func meddle() {
    FileTampering(settings.canary, disk).meddle()
    // Only the files know how far a queue was of which the log has nothing any more.
    guard world.keepsAll, !world.isSettling, !settings.without.contains(.lostQueues), random.chance(1, in: 6) else {
      return
    }
    report.count(Trouble.lostQueues.rawValue)
    disk.lose("store/consumequeue")
  }

  /// Stops in order and starts again; when the store has failed, its process ends as if it were killed.
  private func restart() throws {
    disk.plan = FaultPlan()
    disk.capacity = Self.largeCapacity
    for peer in peers { try peer.poll() }
    do {
      try broker?.stop()
      for peer in peers { try peer.poll() }
      if let failure = world.failure { throw failure }
    } catch let failure as SimulationFailure {
      throw failure
    } catch {
      if !disk.hasCrashed { disk.crash(.kill) }
    }
    dropPeers()
    broker = nil
    guard !disk.hasCrashed else { return try restartAfterCrash() }
    pass(downtime())
    meddle()
    try start()
  }

  // MARK: The end

  /// Nothing goes wrong any more and everybody does what is right; then all that was to happen must happen.
  private func settle() throws {
    world.isSettling = true
    faults.isCalm = true
    // A clock that was set back is right again; one that went on while somebody waited stays as it is.
    machine.wall = max(latestTime, machine.wall)
    pass(0)
    longDowntime = world.longestDelay
    try restart()
    var unfinished = SimulationFailure("nothing was looked at")
    for round in 0..<600 {
      for _ in 0..<3 { machine.runDue() }
      for index in 0..<machine.threadCount where index < machine.threadCount { machine.runTurn(of: index) }
      for peer in peers { try peer.poll() }
      if let failure = world.failure { throw failure }
      for producer in producers { producer.act() }
      for _ in 0..<6 { consumer.act() }
      lightReader.act()
      for _ in 0..<4 { visitor.act() }
      for _ in 0..<8 { for group in groups { group.act() } }
      pass(Int64.random(in: 20...400, using: &random))
      guard round >= 60, round % 20 == 0 else { continue }
      guard let failure = checkEnd() else { return try restart() }
      unfinished = failure
    }
    throw unfinished
  }

  /// What is still to happen, or is wrong; nil when all is as it should be.
  private func checkEnd() -> SimulationFailure? {
    let audited: AuditedLog
    do throws(SimulationFailure) {
      audited = try found.read(disk, now: now)
      let rules = rules(for: audited)
      try rules.check(world.tries)
      try rules.checkEnd(world.tries)
    } catch {
      return error
    }
    var missing = consumer.missing(in: audited) ?? lightReader.missing(in: audited) ?? visitor.missing
    for group in groups where missing == nil { missing = group.missing(in: audited) }
    return missing.map { SimulationFailure($0) }
  }
}
