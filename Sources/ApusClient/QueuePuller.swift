import ApusClientCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem

/// Getting messages of a queue: one pull is under way at all times, unless enough is in hand.
struct QueuePuller: Sendable {
  /// How long the answer is waited for, unless told.
  static let pullTimeout = Duration.seconds(30)
  /// The pause when enough is in hand, and when the broker has too much to do.
  private static let flowPause = Duration.milliseconds(50)
  private static let busyPause = Duration.milliseconds(20)

  /// Who pulls.
  let group: String
  let runtime: ClientRuntime
  /// What is wanted of the queue's topic; nil for everything.
  let subscription: SubscriptionData?
  /// How many messages are pulled at once.
  let batchSize: Int32
  /// How long the broker holds a pull that finds nothing.
  var suspendTime = Duration.seconds(15)
  /// How long the answer is waited for.
  var timeout = Self.pullTimeout
  /// The pause between pulls.
  var interval = Duration.zero
  /// Whether pulls carry the subscription.
  var sendsSubscription = false
  /// Whether pulls commit how far the queue is consumed.
  var commits = false
  /// Whether the consumer polls.
  var isLitePull = false
  /// Counts what comes.
  let meter: ConsumeMeter
  /// When enough is in hand.
  let limits: @Sendable () -> ProcessQueue<ReceivedMessage>.Limits
  /// Whether the queue may be pulled from now; asked again after three seconds.
  var mayPull: @Sendable (QueueWork) -> Bool = { _ in true }
  /// The broker at this address does not know the group or its subscription.
  var forgotten: @Sendable (String) async -> Void = { _ in }
  /// Messages came.
  let came: @Sendable (QueueWork, [ReceivedMessage]) -> Void
  /// The queue ends before where it was pulled from, at this offset: it is to be begun anew there.
  let moved: @Sendable (QueueWork, Int64) async -> Void

  /// Pulls from a queue until it belongs to somebody else or the task is cancelled.
  func run(_ queue: QueueWork) async {
    var brokerID: Int64 = 0
    while !queue.isDropped, !Task.isCancelled {
      guard mayPull(queue) else {
        await Self.pause(.seconds(3))
        continue
      }
      if queue.isFull(limits()) {
        await queue.room(within: Self.flowPause)
        continue
      }
      let offset = queue.nextOffset
      let answer = await pullOnce(queue, from: offset, &brokerID)
      guard !queue.isDropped else { return }
      switch answer {
      case .success(let result): await take(result, of: queue, from: offset)
      case .failure(let error):
        if error.code == .cancelled { return }
        // Java stays with the member that it was told until the routes forget that, which may take two minutes.
        brokerID = 0
        if error.code != .timedOut {
          runtime.warn(
            "a pull failed", "queue", "\(queue.queue)", broker: queue.queue.brokerName, cause: error)
        }
        if error.responseCode == ResponseCode.subscriptionNotExist.rawValue, let broker = error.server {
          await forgotten(broker)
        }
        await Self.pause(error.code == .busy ? Self.busyPause : runtime.configuration.pullDelayAfterError)
      }
      if interval > .zero { await Self.pause(interval) }
    }
  }

  private func pullOnce(_ queue: QueueWork, from offset: Int64, _ brokerID: inout Int64) async -> PullAnswer {
    do throws(ClientError) {
      let member = try await runtime.member(brokerID, of: queue.queue)
      // Only the master keeps offsets.
      let commit = commits && member.id == 0 ? queue.consumed : 0
      let pull = Pull(
        group: group, queue: queue.queue, offset: offset, limit: batchSize, commit: commit > 0 ? commit : nil,
        suspend: suspendTime, subscription: sendsSubscription ? subscription : nil,
        version: subscription?.version ?? 0, isLitePull: isLitePull)
      let address = try await runtime.address(member.address, for: .pullMessage)
      let pending = PendingAnswer<PullAnswer>()
      guard queue.beginPull(pending, from: offset) else { return .success(.nothing(goOnAt: offset)) }
      let began = SystemClock.monotonic()
      let call = pull.send(to: address, named: member.address, by: runtime, timeout: timeout, pending)
      let answer = await pending.value(ifCancelled: .failure(.cancelled))
      // The broker may hold the pull for long yet, but nobody waits for it when the queue was given up.
      runtime.remoting.cancel(call)
      switch answer {
      case .success(let result):
        brokerID = result.suggestedBrokerID
        meter.pulled(queue.queue.topic, count: result.messages.count, since: began)
      case .failure(let error):
        runtime.unreachable(member.address, at: address, error)
        if error.code != .cancelled { meter.pulled(queue.queue.topic, count: nil, since: began) }
      }
      return answer
    } catch {
      return .failure(error)
    }
  }

  private func take(_ result: PullResult, of queue: QueueWork, from offset: Int64) async {
    switch result.status {
    case .found:
      let wanted = result.matching(subscription).named(in: runtime.configuration.namespace).messages
      if queue.put(wanted, from: offset, nextOffset: result.nextOffset), !wanted.isEmpty { came(queue, wanted) }
    case .noNewMessage, .noMatch: _ = queue.put([], from: offset, nextOffset: result.nextOffset)
    case .offsetIllegal:
      // The application went elsewhere while the broker searched.
      guard queue.nextOffset == offset else { return }
      runtime.log.warning(
        "client", "an offset is not in its queue",
        ["queue": "\(queue.queue)", "offset": offset, "next": result.nextOffset])
      // What lay in between is gone from the broker; what is in hand is not, and is consumed yet.
      if result.nextOffset > offset {
        _ = queue.put([], from: offset, nextOffset: result.nextOffset)
      } else {
        await moved(queue, result.nextOffset)
      }
    }
  }

  /// Waits; at once over when the task is cancelled.
  static func pause(_ duration: Duration) async {
    do {
      try await Task.sleep(for: duration)
    } catch {
      // The loop that called sees the cancellation itself.
      return
    }
  }
}
