import ApusBase
import ApusProtocol
import ApusStore
import ApusStoreCore
import ApusSystem

/// Something that requests of a loop wait for with their connections, until an I/O thread has read it.
enum ColdPart: Hashable, Sendable {
  /// The files of a queue.
  case queue(topic: String, id: Int32)
  /// What lies at an offset of the log.
  case log(PhysicalOffset)
}

extension BrokerParts {
  /// Has an I/O thread read a part that stalled requests of a loop wait for; then all of the loop's are tried again.
  /// `work` returns why it failed, which `failed` hears on the loop before that. Throws how a request is refused when
  /// too much waits already and nothing of it is for this loop: else the request waits for that. To be called on the
  /// loop.
  ///
  /// A part that is being read is not read once more. Whenever a part is there, every stalled request is tried again,
  /// and most still wait for theirs: after a restart a few hundred producers, each with a queue of its own, would have
  /// each queue read again and again until no more work is taken and sends are refused.
  func read(
    _ part: ColdPart, on state: BrokerLoop, _ work: @escaping @Sendable () -> DiskError?,
    failed: @escaping @Sendable (DiskError) -> Void = { _ in }
  ) throws(Refusal) {
    guard state.beingRead.insert(part).inserted else { return }
    let isAccepted = io.submit {
      let failure = work()
      state.loop.execute {
        state.beingRead.remove(part)
        if let failure { failed(failure) }
        state.loop.resumeStalled()
      }
    }
    guard isAccepted else {
      state.beingRead.remove(part)
      // When one of these is there, this request is tried again too.
      guard state.beingRead.isEmpty else { return }
      throw Refusals.ioBusy
    }
  }

  /// As ``read(_:on:_:failed:)`` for the files of a queue.
  func readQueue(
    _ topic: String, _ id: Int32, on state: BrokerLoop, failed: @escaping @Sendable (DiskError) -> Void
  ) throws(Refusal) {
    try read(.queue(topic: topic, id: id), on: state, { [store] in store.load(topic: topic, id: id) }, failed: failed)
  }
}
