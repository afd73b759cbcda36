import ApusSimulator

/// The rules that a log keeps at every start and at the end of a run, whatever was done to the broker.
struct LogRules {
  let audited: AuditedLog
  let known: KnownMessages
  /// The delays of the levels, in milliseconds.
  let levels: [Int64]
  /// Whether the time of day was set, and what was the latest that it ever was.
  let clockJumped: Bool
  let latestTime: Int64
  /// Whether a record may be gone by now.
  let isExpired: (ScannedLog.Record) -> Bool
  /// How many copies there were of messages when a start found that they were taken out.
  let cancelled: [String: Int]
  /// How often the deletion of a topic was asked for.
  let deletions: [String: Int]

  private func fail(_ text: String) throws(SimulationFailure) -> Never { throw SimulationFailure(text) }

  /// What holds at any moment.
  func check(_ tries: KnownTries) throws(SimulationFailure) {
    try checkQueues()
    try checkContents()
    try checkPlaces()
    try checkLightQueues()
    for key in known.keys {
      guard let message = known[key] else { continue }
      try checkCopies(of: message)
    }
    try tries.check(audited)
  }

  /// What holds besides once everybody has had time for everything.
  func checkEnd(_ tries: KnownTries) throws(SimulationFailure) {
    for key in known.keys {
      guard let message = known[key] else { continue }
      try checkOutcome(of: message)
    }
    try tries.checkEnd(audited)
  }

  // MARK: Records

  /// Queue offsets have no holes, and none is used twice; those of a deleted topic begin anew.
  private func checkQueues() throws(SimulationFailure) {
    var next: [String: Int64] = [:]
    var left: [String: Int] = [:]
    for record in audited.records {
      let queue = "\(record.topic)/\(record.queueID)"
      var expected = next[queue, default: 0]
      if record.queueOffset == 0, expected > 0, left[queue, default: deletions[record.topic] ?? 0] > 0 {
        left[queue, default: deletions[record.topic] ?? 0] -= 1
        expected = 0
      }
      guard record.queueOffset == expected else {
        try fail("the record at \(record.offset) has offset \(record.queueOffset) in \(queue), not \(expected)")
      }
      next[queue] = expected + 1
    }
  }

  /// Every record is of a message that somebody sent, with its body.
  private func checkContents() throws(SimulationFailure) {
    if let stranger = audited.strangers.first { try fail("nobody sent the record at \(stranger.offset)") }
    for record in audited.records {
      guard let key = record.key else { continue }
      guard let message = known[key] else { try fail("nobody sent \(key), which lies at \(record.offset)") }
      guard record.body == message.body else { try fail("\(key) has another body at \(record.offset)") }
    }
  }

  /// What was answered lies where the answer said, as long as the answer promises.
  private func checkPlaces() throws(SimulationFailure) {
    for key in known.keys {
      for place in known[key]?.places ?? [] where place.promise > .none {
        guard let record = audited.byOffset[place.offset], record.key == key else {
          try fail("\(key) is not at \(place.offset), as its sender was told")
        }
        guard record.queueOffset == place.queueOffset else {
          try fail("\(key) has queue offset \(record.queueOffset), its sender was told \(place.queueOffset)")
        }
      }
    }
  }

  /// The places in light queues that records name have no holes either, and none is there twice.
  private func checkLightQueues() throws(SimulationFailure) {
    for (name, records) in audited.lightQueues {
      for (place, record) in records.enumerated() where record.place(in: name) != Int64(place) {
        let found = record.place(in: name).map { "\($0)" } ?? "none"
        try fail("the record at \(record.offset) has the place \(found) in \(name), not \(place)")
      }
    }
  }

  // MARK: What became of a message

  private func checkCopies(of message: SimulatedMessage) throws(SimulationFailure) {
    let key = message.key
    let copies = audited.delivered[key] ?? []
    for copy in copies where copy.topic != message.topic || copy.queueID != message.queue {
      try fail("\(key) is in \(copy.topic)/\(copy.queueID), it was sent to \(message.topic)/\(message.queue)")
    }
    switch message.kind {
    case .plain, .reply:
      guard copies.count <= message.attempts else {
        try fail("\(key) was sent \(message.attempts) times and is there \(copies.count) times")
      }
    case .level(let level):
      guard let stored = audited.levels[key]?.map(\.storeTime).min() else {
        guard copies.isEmpty else { try fail("\(key) came without having waited in its level") }
        return
      }
      // A clock that was set back makes due at once what would wait longer than its level, as in Java.
      for copy in copies where copy.storeTime < stored + levels[level - 1] && !clockJumped {
        try fail("\(key) came after \(copy.storeTime - stored) ms, its level is \(levels[level - 1]) ms")
      }
    case .timer(let due):
      // What is due, and is being read when the clock is set back, comes all the same.
      for copy in copies where copy.storeTime < due && (!clockJumped || latestTime < due) {
        try fail("\(key) came \(due - copy.storeTime) ms early, to \(copy.offset)")
      }
      let (waiting, came) = (audited.timers[key] ?? [], audited.timedCopies(of: key))
      guard came <= waiting.count else { try fail("\(key) waited \(waiting.count) times and came \(came) times") }
      if let before = cancelled[key], let place = audited.cancelled[key] {
        let allowed = before + waiting.count { $0.offset > place }
        guard came <= allowed else { try fail("\(key) was taken out and came \(came) times, not \(allowed)") }
      }
    case .half:
      let halves = audited.halves[key]?.count ?? 0
      guard copies.count <= halves else {
        try fail("\(key) was begun \(halves) times and delivered \(copies.count) times")
      }
      guard copies.isEmpty || message.mayCommit else { try fail("\(key) was delivered, and nobody committed it") }
    case .cancel:
      guard copies.isEmpty else { try fail("\(key), which cancels another, was delivered") }
    }
  }

  private func checkOutcome(of message: SimulatedMessage) throws(SimulationFailure) {
    let key = message.key
    let copies = audited.delivered[key]?.count ?? 0
    switch message.kind {
    case .plain, .cancel, .reply: return
    case .level:
      // What waits for longer than files are kept goes with them, as in Java.
      let waiting = (audited.levels[key] ?? []).count { $0.offset >= audited.start }
      guard copies >= waiting else { try fail("\(key) waited \(waiting) times in its level and came \(copies) times") }
    case .timer:
      let (waiting, came) = (audited.timers[key]?.count ?? 0, audited.timedCopies(of: key))
      guard came == waiting || message.mayBeCancelled else {
        try fail("\(key) waited \(waiting) times and came \(came) times")
      }
    case .half(let plan):
      let halves = audited.halves[key] ?? []
      // Those that their producers did not end in time are given up, or gone with the file.
      if halves.contains(where: isExpired) { return }
      if let open = halves.first(where: { !audited.endedHalves.contains($0.queueOffset) }) {
        try fail("\(key) is open at queue offset \(open.queueOffset), and nobody is asked about it")
      }
      guard !plan.isUndecided else { return }
      guard copies == (plan.commits ? halves.count : 0) else {
        let end = plan.commits ? "committed" : "rolled back"
        try fail("\(key) was \(end), begun \(halves.count) times and delivered \(copies) times")
      }
    }
  }
}
