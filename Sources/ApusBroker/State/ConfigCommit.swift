import ApusBase
package import ApusProtocol
package import ApusSystem

/// Group commit of the configuration: changes of topics, groups and offsets that wait at the same time share one write
/// of their files.
///
/// Changes are carried out in rounds, one after the other. A round makes the changes that wait, those of one connection
/// in the order in which it asked, saves each file that one of them is in, and answers all of them; what comes
/// meanwhile is the next round's. So a change is answered when a write that began after it is durable, and making a
/// thousand topics costs a few writes of `topics.json` rather than a thousand. While the broker serves, that file is
/// written in rounds only: a deletion's record is written while the change is made, and thus before the file that no
/// longer has the topic.
///
/// A change whose file cannot be written stays in the table and is answered with why; the housekeeper tries to write
/// the file again.
///
/// A round is one piece of work of the I/O threads, or of the housekeeper, so at most one of these is taken. Nothing
/// waits on a thread.
package final class ConfigCommit: Sendable {
  /// A change that somebody asks for.
  package struct Change: Sendable {
    let handler: any ChangingHandler
    let request: Command
    let requester: Requester
    let answer: @Sendable (Reply) -> Void

    /// A request for a change; `answer` is called once, on any thread, and must not block.
    package init(
      _ request: Command, from requester: Requester, by handler: any ChangingHandler,
      answer: @escaping @Sendable (Reply) -> Void
    ) {
      self.handler = handler
      self.request = request
      self.requester = requester
      self.answer = answer
    }
  }

  private struct State {
    /// There is no forecast of when a change will be made: a round takes about as long for many as for one.
    var waiting = WorkQueue<Change>(limits: WorkQueue<Change>.Limits(pieces: ConfigCommit.capacity), threads: 1)
    /// Files to be saved though nobody waits for an answer.
    var unsaved: ConfigStore.Files = []
    /// Whether an I/O thread carries out a round, or will.
    var isUnderWay = false

    /// Whether whoever asks is to begin the rounds, as nobody carries them out.
    mutating func begins() -> Bool {
      guard !isUnderWay else { return false }
      isUnderWay = true
      return true
    }

    /// At most `count` changes whose turn it is.
    mutating func take(_ count: Int) -> [Change] {
      var changes: [Change] = []
      while changes.count < count, let change = waiting.take() { changes.append(change) }
      return changes
    }
  }

  /// How many changes of all connections may wait.
  private static let capacity = 4096
  /// How many changes a round makes at most: each deletion of a topic writes to the device by itself, and who came
  /// first does not wait for thousands of them.
  private static let roundLimit = 256

  private let state = Locked(State())
  private let config: ConfigStore
  private let io: IOThreads
  private let log: Logger

  /// Saves to these files by these threads.
  package init(config: ConfigStore, io: IOThreads, log: Logger) {
    self.config = config
    self.io = io
    self.log = log
  }

  /// Has a change made. Throws how it is refused when too many wait; then it is not made, and not answered.
  package func add(_ change: Change) throws(Refusal) {
    let (admission, begins) = state.withLock { state -> (WorkQueue<Change>.Admission, Bool) in
      let admission = state.waiting.add(
        change, from: change.requester.connection, bytes: change.request.contentBytes, within: .zero)
      return (admission, admission == .accepted && state.begins())
    }
    if case .refused(let wait) = admission {
      throw Refusal(
        .systemBusy, "too many changes wait for the disk: try again in \(wait.milliseconds) ms", retryAfter: wait)
    }
    if begins { begin() }
  }

  /// Has files saved whose tables were changed by use, which nobody waits for.
  package func save(_ files: ConfigStore.Files) { if note(files) { begin() } }

  /// Saves files in a round of the calling thread, which may wait for the device; when there is one already, in the
  /// next.
  package func saveNow(_ files: ConfigStore.Files) { if note(files) { run() } }

  /// Notes that files are to be saved. Returns whether the caller is to begin the rounds.
  private func note(_ files: ConfigStore.Files) -> Bool {
    state.withLock { state -> Bool in
      state.unsaved.formUnion(files)
      return state.begins()
    }
  }

  private func begin() {
    guard !io.submit({ [self] in run() }) else { return }
    // The I/O threads take no more: those who wait are told, and what nobody waits for the housekeeper saves.
    let refused = state.withLock { state -> [Change] in
      state.isUnderWay = false
      return state.take(.max)
    }
    for change in refused { change.answer(Reply(Refusals.ioBusy)) }
  }

  /// Carries out a round, and has the next one carried out when its turn among the work of the I/O threads comes.
  private func run() {
    repeat {
      let (changes, files) = state.withLock { state -> ([Change], ConfigStore.Files) in
        let files = state.unsaved
        state.unsaved = []
        return (state.take(Self.roundLimit), files)
      }
      Self.carryOut(changes, saving: files, to: config, log)
    } while isToGoOn()
  }

  /// Whether this thread is to carry out the next round: there is one, and no other may be asked to.
  private func isToGoOn() -> Bool {
    let isOver = state.withLock { state -> Bool in
      state.isUnderWay = state.waiting.count > 0 || !state.unsaved.isEmpty
      return !state.isUnderWay
    }
    return !isOver && !io.submit { [self] in run() }
  }

  /// Makes changes in this order, saves what has to hold them and these files, and answers.
  static func carryOut(
    _ changes: [Change], saving others: ConfigStore.Files = [], to config: ConfigStore, _ log: Logger
  ) {
    var files = others
    var made: [(change: ConfigChange, answer: @Sendable (Reply) -> Void)] = []
    for change in changes {
      do throws(Refusal) {
        let done = try change.handler.change(change.request, from: change.requester)
        files.formUnion(done.files)
        made.append((change: done, answer: change.answer))
      } catch {
        change.answer(Reply(error))
      }
    }
    let failures = config.save(files)
    for failure in failures {
      log.error("broker", "a configuration file cannot be written", ["cause": failure.cause])
    }
    for (change, answer) in made {
      if let failure = failures.first(where: { change.files.contains($0.file) }) {
        answer(Reply(Refusals.disk(failure.cause)))
      } else {
        change.saved()
        answer(change.reply)
      }
    }
  }
}
