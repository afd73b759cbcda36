import ApusBase
import ApusBrokerCore
import ApusFilter
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem

/// Hands out messages: request 11. A pull that finds none may wait for one without a thread; what only the device has
/// is brought near by an I/O thread, then the pull runs again.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/processor/PullMessageProcessor.java
package final class PullMessageHandler: Sendable {
  /// Later than this a pull is not begun to be read from the device: clients wait 30 seconds for an answer.
  private static let coldLimit = Duration.seconds(15)
  /// The longest a pull may wait, whatever the client asks.
  private static let longestWait = Duration.seconds(300)
  /// How often a pull with a condition goes on waiting when what came was not for it. Then it is answered, so that its
  /// client hears how far the queue was looked through.
  private static let mostLooks = 64
  /// So many pulls that have waited are run in one go; then others on the loop have their turn.
  private static let mostAtOnce = 128

  private let parts: BrokerParts
  private let hasManyLoops: Bool
  /// Whether queue files may tell which messages meet a group's condition.
  private let usesBitMaps: Bool
  /// Records further behind the log's end count as coming from the device.
  private let memoryBytes: Int64
  private let events: OffsetMovedEvents

  /// Makes a handler that uses these parts. With several loops a message may arrive while a pull is being parked.
  package init(_ parts: BrokerParts, hasManyLoops: Bool) {
    self.parts = parts
    self.hasManyLoops = hasManyLoops
    memoryBytes = parts.store.withLock { $0.settings.memoryBytes }
    usesBitMaps = parts.tables.settings.withLock { $0.filtering.mapsBits }
    events = OffsetMovedEvents(parts)
  }

  /// Handles one request on its loop.
  func handle(_ request: borrowing Request, on connection: Connection, _ state: BrokerLoop) -> Disposition {
    do throws(Refusal) {
      let pull = try PullMessage.Request(request)
      let held = try check(pull, request.header, connection, state)
      if pull.flags.contains(.commitOffset), parts.identity.id == 0,
        !UpdateConsumerOffsetHandler.isBrokersOwn(pull.consumerGroup)
      {
        _ = parts.offsets.withLock {
          $0.commit(
            topic: pull.topic, group: pull.consumerGroup, queue: pull.queueID, offset: pull.commitOffset.rawValue)
        }
      }
      run(held, on: connection, state)
    } catch {
      connection.send(Reply(error), to: request.header)
    }
    return .done
  }

  // MARK: Checks

  private func check(
    _ pull: borrowing PullMessage.Request, _ header: CommandHeader, _ connection: Connection, _ state: BrokerLoop
  ) throws(Refusal) -> HeldPull {
    let serving = state.serving
    try checkPermission(of: serving)
    let group = try group(pull.consumerGroup)
    guard let topic = parts.topics.withLock({ $0.findOrMakeLight(pull.topic) }) else {
      throw Refusal(
        .topicNotExist,
        "topic[\(pull.topic.text)] not exist, apply first please! \n"
          + "See http://rocketmq.apache.org/docs/faq/ for further details.")
    }
    try check(topic, queue: pull.queueID, connection)
    let wanted = try wanted(pull, group, state)
    var wait = Duration.zero
    if pull.flags.contains(.suspend) {
      let asked = Duration.milliseconds(min(max(pull.suspendTimeoutMillis, 0), Self.longestWait.milliseconds))
      wait = serving.longPolling ? asked : serving.shortPolling
    }
    return HeldPull(
      header: header, topic: topic, group: group, queueID: pull.queueID, offset: pull.queueOffset,
      maxMessages: pull.maxMessages,
      subscriptionVersion: pull.flags.contains(.subscription) ? nil : pull.subscriptionVersion,
      subscription: wanted.tags, condition: wanted.condition,
      bits: wanted.condition.flatMap { bits(of: $0, topic, group) }, wait: wait)
  }

  /// Checks a pull once more that has waited, as Java does: broker, topic or group may be closed to consumers by now,
  /// and the group may want other messages, which would be passed over.
  private func checkAgain(
    _ waited: HeldPull, _ connection: Connection, _ state: BrokerLoop
  ) throws(Refusal) -> HeldPull {
    var pull = waited
    try checkPermission(of: state.serving)
    let (groupName, topicName) = (Array(waited.group.name.utf8), Array(waited.topic.name.utf8))
    pull.group = try group(groupName.rawSpan)
    let known = parts.topics.withLock { $0.find(topicName.rawSpan) }
    guard let topic = known, topic.id == waited.topic.id else {
      throw Refusal(.topicNotExist, "topic[\(waited.topic.name)] was deleted")
    }
    pull.topic = topic
    try check(topic, queue: waited.queueID, connection)
    guard let version = waited.subscriptionVersion else { return pull }
    let told = try registered(pull.group, groupName.rawSpan, topic: topicName.rawSpan, version: version)
    let wanted = withConditionsOfRetries(try filters(of: told, state), topic: topicName.rawSpan, state)
    pull.subscription = wanted.tags
    pull.condition = wanted.condition
    pull.bits = wanted.condition.flatMap { bits(of: $0, topic, pull.group) }
    return pull
  }

  private func checkPermission(of serving: BrokerSettings.Serving) throws(Refusal) {
    guard serving.permission.contains(.read) else {
      throw Refusal(.noPermission, "the broker[\(parts.identity.address)] pulling message is forbidden")
    }
  }

  private func check(_ topic: Topic, queue: Int32, _ connection: Connection) throws(Refusal) {
    guard topic.config.permission.contains(.read) else {
      throw Refusal(.noPermission, "the topic[\(topic.name)] pulling message is forbidden")
    }
    guard queue >= 0, queue < topic.config.readQueueCount else {
      throw Refusal(
        .systemError,
        "queueId[\(queue)] is illegal, topic:[\(topic.name)] topicConfig.readQueueNums:"
          + "[\(topic.config.readQueueCount)] consumer:[/\(connection.peer)]")
    }
  }

  /// What bit maps tell about a condition; nil when nothing, as for one that the pull itself carries.
  private func bits(of condition: RecordCondition, _ topic: Topic, _ group: SubscriptionGroup) -> BitFilter? {
    guard usesBitMaps, case .condition(let condition) = condition,
      let known = parts.tables.filters.withLock({ $0.filter(topic: topic.name, group: group.name) }),
      known.condition === condition
    else { return nil }
    return BitFilter(positions: known.positions, bitCount: known.bitCount, since: known.bornTime)
  }

  private func group(_ name: RawSpan) throws(Refusal) -> SubscriptionGroup {
    var found = parts.groups.withLock { $0.find(name) }
    if found == nil {
      do throws(NameFault) {
        try GroupName.validate(name)
      } catch {
        throw Refusal(.subscriptionGroupNotExist, GroupName.remark(error))
      }
      found = parts.groups.findOrMake(name.text, parts.changes)
    }
    guard let found else {
      throw Refusal(
        .subscriptionGroupNotExist,
        "subscription group [\(name.text)] does not exist, "
          + "See http://rocketmq.apache.org/docs/faq/ for further details.")
    }
    guard found.config.consumeEnabled else {
      throw Refusal(.noPermission, "subscription group no permission, \(found.name)")
    }
    return found
  }

  /// The filters of a pull; both nil for all messages.
  private struct Wanted {
    var tags: Subscription?
    var condition: RecordCondition?
  }

  private func wanted(
    _ pull: borrowing PullMessage.Request, _ group: SubscriptionGroup, _ state: BrokerLoop
  ) throws(Refusal) -> Wanted {
    let wanted: Wanted
    if pull.flags.contains(.subscription) {
      wanted = try sentFilters(of: pull, state)
    } else {
      let told = try registered(group, pull.consumerGroup, topic: pull.topic, version: pull.subscriptionVersion)
      wanted = try filters(of: told, state)
    }
    return withConditionsOfRetries(wanted, topic: pull.topic, state)
  }

  /// Holds retried messages to the conditions of their group (`filterSupportRetry`) where no other condition is wanted.
  private func withConditionsOfRetries(_ wanted: Wanted, topic: RawSpan, _ state: BrokerLoop) -> Wanted {
    guard wanted.condition == nil, state.serving.filtersRetries, state.serving.filtersByProperties,
      topic.starts(with: "%RETRY%")
    else { return wanted }
    let origin = String(topic.text.dropFirst(SystemTopics.retryPrefix.count))
    let conditions = parts.tables.filters.withLock { $0.conditions(ofGroup: origin) }
    var filtered = wanted
    if !conditions.isEmpty { filtered.condition = .retried(conditions: conditions) }
    return filtered
  }

  /// The filters that a pull carries itself.
  private func sentFilters(of pull: borrowing PullMessage.Request, _ state: BrokerLoop) throws(Refusal) -> Wanted {
    let type = pull.expressionType
    if let type, type.byteCount > 0, !type.equals("TAG") {
      guard state.serving.filtersByProperties else { throw Refusals.filterType(type.text) }
      guard type.equals("SQL92") else { throw Refusals.language(type.text) }
      guard let text = pull.subscription else {
        throw Refusal(.subscriptionParseFailed, "the request carries no expression")
      }
      do throws(SQLFault) {
        return Wanted(condition: .condition(try state.conditions.condition(for: text)))
      } catch {
        throw Refusals.condition(error)
      }
    }
    guard let expression = pull.subscription, expression.byteCount > 0 else { return Wanted() }
    guard let subscription = state.subscriptions.subscription(for: expression) else {
      throw Refusal(.subscriptionParseFailed, "parse the consumer's subscription failed")
    }
    return Wanted(tags: subscription.isWildcard ? nil : subscription)
  }

  /// What a group, whose name is `name`, told of a topic with its heartbeats; refuses what is older than `version`.
  private func registered(
    _ group: SubscriptionGroup, _ name: RawSpan, topic: RawSpan, version: Int64
  ) throws(Refusal) -> GroupSubscription {
    let known = parts.clients.withLock { ($0.profile(of: name), $0.subscription(group: name, topic: topic)) }
    guard let profile = known.0 else {
      throw Refusal(.subscriptionNotExist, "the consumer's group info not exist")
    }
    if !group.config.consumeBroadcastEnabled, profile.messageModel == .broadcasting {
      throw Refusal(.noPermission, "the consumer group[\(group.name)] can not consume by broadcast way")
    }
    guard let subscription = known.1 else {
      throw Refusal(.subscriptionNotExist, "the consumer's subscription not exist")
    }
    guard subscription.version >= version else {
      throw Refusal(.subscriptionNotLatest, "the consumer's subscription not latest")
    }
    return subscription
  }

  private func filters(of subscription: GroupSubscription, _ state: BrokerLoop) throws(Refusal) -> Wanted {
    if let filter = subscription.filter { return Wanted(tags: filter.isWildcard ? nil : filter) }
    if subscription.data.isTagExpression {
      throw Refusal(.subscriptionParseFailed, "parse the consumer's subscription failed")
    }
    guard state.serving.filtersByProperties else { throw Refusals.filterType(subscription.data.expressionType) }
    guard let condition = subscription.condition, let version = subscription.conditionVersion else {
      throw Refusal(
        .filterDataNotExist, "The broker's consumer filter data is not exist!Your expression may be wrong!")
    }
    guard version >= subscription.version else {
      throw Refusal(.filterDataNotLatest, "the consumer's consumer filter data not latest")
    }
    return Wanted(condition: .condition(condition))
  }

  // MARK: Running

  /// Looks for messages and answers, waits, or has the device asked. `isWarm` says that the device was asked already.
  func run(_ asked: HeldPull, on connection: Connection, _ state: BrokerLoop, isWarm: Bool = false) {
    var pull = asked
    let began = pull.began ?? SystemClock.monotonic()
    pull.began = began
    let filter: EntryFilter =
      pull.subscription.map { .hashes($0.tagHashes) } ?? pull.bits.map { .bits($0) } ?? .all
    let limits = FetchLimits(maxMessages: Int(max(pull.maxMessages, 1)), inspects: pull.condition != nil)
    let isLoaded = parts.store.withLock { store -> Bool in
      guard store.isLoaded(topic: pull.topic.name, id: pull.queueID) else { return false }
      let known = state.queue(topic: pull.topic, id: pull.queueID)
      let queue = known.flatMap { $0.isRemoved ? nil : $0 } ?? loaded(pull, store, state)
      store.fetch(from: queue, at: pull.offset, limits: limits, filter: filter, into: &state.fetch)
      return true
    }
    guard isLoaded else {
      guard isWarm else { return load(pull, connection, state) }
      // Its files could not be read a moment ago: whoever pulls tries again later.
      return connection.send(
        Reply(.systemError, remark: "the queue cannot be opened: the log of this broker says why"), to: pull.header)
    }
    if let plan = state.fetch.cold {
      let store = parts.store
      return hand(pull, connection, state) { store.warm(plan) }
    }
    if state.fetch.status == .found {
      if !isWarm, !isNear(state.fetch) {
        let (store, fetch) = (parts.store, state.fetch)
        return hand(pull, connection, state) { fetch.warm(on: store.disk) }
      }
      // Checksums are worked out for what is wanted only.
      if let condition = pull.condition { state.fetch.select { condition.matches($0) } }
      if state.fetch.status == .found {
        let damaged = state.fetch.dropDamaged(of: pull.topic.name, pull.queueID)
        if !damaged.isEmpty { parts.noteDamage(damaged) }
      }
      if state.fetch.status == .found {
        guard connection.hasRoomForOutput() else { return answerLater(pull, connection, state) }
        return answerFound(pull, began: began, connection, state)
      }
      if goesOnWaiting(pull, connection, state) { return }
    }
    let status = state.fetch.status
    if Self.code(of: status, at: pull.offset) == .pullNotFound, pull.wait > .zero, park(pull, connection, state) {
      return
    }
    state.traffic.totals.pullsMissed += 1
    if Self.code(of: status, at: pull.offset) == .pullOffsetMoved {
      events.add(pull, movedTo: state.fetch.nextOffset, on: state)
    }
    answer(pull, Self.code(of: status, at: pull.offset), connection, state)
  }

  /// The queue of a pull, which is loaded, so that opening it needs no device; nil when there is none. The loop
  /// remembers it, so that its pulls find it again when they are compared with the store.
  private func loaded(_ pull: HeldPull, _ store: MessageStore, _ state: BrokerLoop) -> ConsumeQueue? {
    do throws(DiskError) {
      guard let queue = try pulled(pull, store) else { return nil }
      if queue.attachment == nil {
        queue.attachment = QueueTag(QueueKey(topic: pull.topic.id, queue: pull.queueID))
      }
      state.remember(queue, topic: pull.topic)
      return queue
    } catch {
      return nil
    }
  }

  /// A light queue is made for a pull, so that it finds who waits as soon as it has a message.
  private func pulled(_ pull: HeldPull, _ store: MessageStore) throws(DiskError) -> ConsumeQueue? {
    if store.settings.dispatchesToLightQueues, LightQueues.isLight(pull.topic.name) {
      return try store.openLightQueue(pull.topic.name)
    }
    return try store.queue(topic: pull.topic.name, id: pull.queueID)
  }

  private func isNear(_ fetch: borrowing Fetch) -> Bool {
    guard let first = fetch.ranges.first, let last = fetch.ranges.last, let behind = fetch.bytesBehind else {
      return true
    }
    if Int64(last.offset - first.offset) + behind < SharedStore.residentBytes { return true }
    return fetch.isResident(on: parts.store.disk)
  }

  private func load(_ pull: HeldPull, _ connection: Connection, _ state: BrokerLoop) {
    hand(pull, connection, state) { [parts] in _ = parts.loadQueue(topic: pull.topic.name, id: pull.queueID) }
  }

  /// Lets an I/O thread do something that waits for the device, then runs the pull again.
  private func hand(
    _ pull: HeldPull, _ connection: Connection, _ state: BrokerLoop, _ work: @escaping @Sendable () -> Void
  ) {
    let id = connection.id
    do throws(Refusal) {
      try parts.handOver(from: id, within: Self.coldLimit) { [self] in
        work()
        _ = state.loop.execute { [self] in
          guard let connection = state.loop.connection(id) else { return }
          run(pull, on: connection, state, isWarm: true)
        }
      }
    } catch {
      connection.send(Reply(error), to: pull.header)
    }
  }

  /// A pull that has waited and looked through all there is, without finding what it wants, waits for the rest of its
  /// time.
  private func goesOnWaiting(_ pull: HeldPull, _ connection: Connection, _ state: BrokerLoop) -> Bool {
    guard let end = pull.heldUntil, end > state.loop.now, !state.isDraining, pull.looks < Self.mostLooks,
      state.fetch.nextOffset == state.fetch.maxOffset
    else { return false }
    var rest = pull
    rest.offset = state.fetch.nextOffset
    rest.looks += 1
    return park(rest, connection, state)
  }

  private func park(_ pull: HeldPull, _ connection: Connection, _ state: BrokerLoop) -> Bool {
    let deadline = pull.heldUntil ?? state.loop.now + pull.wait
    var once = pull
    once.wait = .zero
    once.began = nil
    once.heldUntil = deadline
    let key = QueueKey(topic: pull.topic.id, queue: pull.queueID)
    // An empty or unknown queue may be asked for any offset: whatever comes first is an answer.
    let wanted = state.fetch.maxOffset == .zero ? 0 : pull.offset.rawValue
    let outcome = state.parked.park(
      once, connection: connection.id.rawValue, queue: key, wanted: wanted, subscription: pull.subscription,
      deadline: deadline)
    guard case .parked = outcome else { return false }
    state.publishParked()
    state.requestTick()
    if hasManyLoops { wakeIfGrown(key, pull, state) }
    return true
  }

  /// Another loop may have put a message into the queue between the look and the parking.
  private func wakeIfGrown(_ key: QueueKey, _ pull: HeldPull, _ state: BrokerLoop) {
    let end = parts.store.withLock { loaded(pull, $0, state)?.maxOffset ?? .zero }
    guard end > pull.offset else { return }
    state.parked.arrived(key, end: end.rawValue, released: &state.released)
    runReleased(state)
  }

  /// Runs the pulls again that were taken out of the parking, unless they are to be refused by now: the first ones now,
  /// others in turns that follow. A connection may have 20,000 that wait for one message, each with a condition that
  /// takes a while.
  func runReleased(_ state: BrokerLoop) {
    guard !state.released.isEmpty else { return }
    let released = state.released
    state.released.removeAll(keepingCapacity: true)
    run(released[...], state)
  }

  private func run(_ released: ArraySlice<ParkedPulls<HeldPull>.Released>, _ state: BrokerLoop) {
    // At the end of the process nobody comes back for the rest.
    let first = state.isDraining ? released : released.prefix(Self.mostAtOnce)
    for entry in first {
      guard let connection = state.loop.connection(ConnectionID(rawValue: entry.connection)) else { continue }
      do throws(Refusal) {
        run(try checkAgain(entry.pull, connection, state), on: connection, state)
      } catch {
        connection.send(Reply(error), to: entry.pull.header)
      }
    }
    state.publishParked()
    let rest = released.dropFirst(first.count)
    if !rest.isEmpty { state.loop.enqueue { [self] in run(rest, state) } }
  }

  // MARK: Answers

  /// The response code of a status
  /// (apache/rocketmq@rocketmq-all-4.9.8:broker/…/processor/PullMessageProcessor.java).
  static func code(of status: FetchStatus, at offset: QueueOffset) -> ResponseCode {
    switch status {
    case .found: .success
    case .noMatchedMessage, .messageWasRemoving: .pullRetryImmediately
    case .noMatchedLogicQueue, .noMessageInQueue: offset == .zero ? .pullNotFound : .pullOffsetMoved
    case .offsetFoundNull, .offsetOverflowOne: .pullNotFound
    case .offsetOverflowBadly, .offsetTooSmall: .pullOffsetMoved
    }
  }

  private func begin(
    _ pull: HeldPull, _ code: ResponseCode, _ status: FetchStatus, next: QueueOffset, _ connection: Connection,
    _ state: BrokerLoop
  ) -> CommandWriter {
    let fetch = state.fetch
    var writer = ResponseWriter.begin(
      pull.header, code: code, remark: status.rawValue, into: &connection.output)
    PullMessage.Response(
      suggestedBrokerID: 0, nextOffset: next, minOffset: fetch.minOffset, maxOffset: fetch.maxOffset
    ).write(&writer, into: &connection.output)
    writer.finishHeader(into: &connection.output)
    return writer
  }

  private func answer(_ pull: HeldPull, _ code: ResponseCode, _ connection: Connection, _ state: BrokerLoop) {
    guard !pull.header.isOneway else { return }
    let fetch = state.fetch
    begin(pull, code, fetch.status, next: fetch.nextOffset, connection, state).end(into: &connection.output)
  }

  /// There are messages, but the peer has not fetched what it was given: it is told to ask again from where it was. All
  /// pulls that a connection has waiting may find something at once, and their answers together have no bound.
  private func answerLater(_ pull: HeldPull, _ connection: Connection, _ state: BrokerLoop) {
    guard !pull.header.isOneway else { return }
    begin(pull, .pullRetryImmediately, .noMatchedMessage, next: pull.offset, connection, state)
      .end(into: &connection.output)
  }

  private func answerFound(
    _ pull: HeldPull, began: MonotonicTime, _ connection: Connection, _ state: BrokerLoop
  ) {
    guard !pull.header.isOneway else { return }
    let writer = begin(pull, .success, .found, next: state.fetch.nextOffset, connection, state)
    state.fetch.copy(into: &connection.output)
    writer.end(into: &connection.output)
    let pair = state.pair(topic: pull.topic, group: pull.group, parts.tables.statistics)
    let (messages, bytes) = (Int64(state.fetch.messageCount), Int64(state.fetch.byteCount))
    state.traffic.got(pair: pair, messages: messages, bytes: bytes)
    if let behind = state.fetch.bytesBehind, behind > memoryBytes {
      state.traffic.gotFromDisk(pair: pair, messages: messages, bytes: bytes)
    }
    state.traffic.pullTook(
      nanoseconds: (SystemClock.monotonic() - began).nanoseconds, pair: pair, queue: pull.queueID)
  }
}
