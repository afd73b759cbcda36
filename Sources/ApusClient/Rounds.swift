import ApusSystem

/// What is done again and again. Brokers forget a client that does not tell of itself in time, and give its locks to
/// others: such rounds run on the client's executor. The threads that tasks share may all be held by listeners that
/// block, and Swift's own timers need one of them.
extension ClientRuntime {
  /// Runs `action` again and again until the task is cancelled: the first time after `first`, `interval` unless told.
  func every(_ interval: Duration, first: Duration? = nil, _ action: @Sendable () async -> Void) async {
    var pause = first ?? interval
    while await wait(pause) {
      await action()
      pause = interval
    }
  }

  /// Waits, while the loop keeps the time. False when the task is cancelled first.
  func wait(_ time: Duration) async -> Bool {
    let pending = PendingAnswer<Bool>()
    let timer = Locked<EventLoop.Timer?>(nil)
    loop.execute { [loop] in
      let scheduled = loop.schedule(after: time) { pending.resolve(true) }
      timer.withLock { $0 = scheduled }
    }
    return await pending.value(
      ifCancelled: false,
      onCancel: { [loop] in
        // The timer is there: the loop does what it is told in order.
        loop.execute { if let made = timer.withLock({ $0 }) { loop.cancel(made) } }
      })
  }
}
