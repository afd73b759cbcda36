import ApusAccess
package import ApusBase
import ApusBrokerCore
package import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem
import Synchronization

/// Answers requests to the broker: hands each to the handler of its code, and at the end of a turn makes what was
/// appended visible.
///
/// The same object serves both listeners through a ``BrokerPort`` each.
package final class BrokerService: Sendable {
  private let parts: BrokerParts
  private let table: HandlerTable
  private let commit: ConfigCommit
  private let access: Locked<AdminAccess>
  private let send: SendMessageHandler
  private let sendBack: ConsumerSendMessageBackHandler
  private let endTransaction: EndTransactionHandler
  private let pull: PullMessageHandler
  private let reply: SendReplyMessageHandler
  private let relay: ClientRelay
  private let updateOffset: UpdateConsumerOffsetHandler
  private let queryOffset: QueryConsumerOffsetHandler
  /// By the loop's index; loops of others are nil.
  private let states: [BrokerLoop?]
  /// Delivers delayed messages; nil where that is not this broker's task.
  private let delayed = Locked<DelayedMessages?>(nil)
  /// Delivers messages at their times; nil where that is not this broker's task.
  private let timed = Locked<TimedMessages?>(nil)
  /// Later than this nobody waits for the answer to an administering request: the time that clients and tools give it.
  private static let coldLimit = Duration.seconds(5)
  /// From how many bytes on an answer is given only to a peer that fetches its answers.
  private static let longAnswer = 64 << 10
  /// The longest body that is read on a loop, which others wait for: of heartbeats and of locks of queues. Reading
  /// takes tens of milliseconds a mebibyte, and up to thirty times its memory.
  private static let longestLoopBody = 4 << 20
  /// Requests handed to other threads that have not been answered yet.
  private let underWay = Atomic(0)
  /// Changed settings are taken over by one thread at a time, which may wait for the device.
  private let adoption = Lock()

  /// Serves the loops of `states` with these parts and handlers.
  package init(
    parts: BrokerParts, table: HandlerTable, commit: ConfigCommit, access: AdminAccess,
    queryOffset: QueryConsumerOffsetHandler, transactions: Transactions, relay: ClientRelay, states: [BrokerLoop]
  ) {
    self.parts = parts
    self.table = table
    self.commit = commit
    self.access = Locked(access)
    self.queryOffset = queryOffset
    self.relay = relay
    send = SendMessageHandler(parts)
    endTransaction = EndTransactionHandler(parts, transactions: transactions)
    reply = SendReplyMessageHandler(parts, send: send, relay: relay)
    sendBack = ConsumerSendMessageBackHandler(parts)
    pull = PullMessageHandler(parts, hasManyLoops: states.count > 1)
    updateOffset = UpdateConsumerOffsetHandler(
      topics: parts.topics, groups: parts.groups, offsets: parts.offsets, changes: parts.changes)
    var byIndex: [BrokerLoop?] = Array(repeating: nil, count: (states.map(\.loop.index).max() ?? 0) + 1)
    for state in states { byIndex[state.loop.index] = state }
    self.states = byIndex
  }

  /// From now on delayed messages are delivered by this.
  func join(_ messages: DelayedMessages, _ timed: TimedMessages) {
    delayed.withLock { $0 = messages }
    self.timed.withLock { $0 = timed }
  }

  private func state(of loop: EventLoop) -> BrokerLoop {
    guard let state = states[loop.index] else { preconditionFailure("loop \(loop.index) does not serve the broker") }
    return state
  }

  /// The state of every loop.
  package var loops: [BrokerLoop] { states.compactMap { $0 } }

  // MARK: Requests

  func handle(_ request: borrowing Request, on connection: Connection, servesPulls: Bool) -> Disposition {
    let state = state(of: connection.loop)
    if request.body.byteCount > Self.longestLoopBody, table.place(of: request.code) == .loop {
      let remark = "the body has \(request.body.byteCount) bytes, at most \(Self.longestLoopBody) are read"
      connection.send(Reply(.systemError, remark: remark), to: request.header)
      return .done
    }
    if let access = state.access, !isAllowed(request, on: connection, state, access.list) { return .done }
    switch request.code {
    case .sendMessageV2, .sendMessage, .sendBatchMessage: return send.handle(request, on: connection, state)
    case .sendReplyMessage, .sendReplyMessageV2: return reply.handle(request, on: connection, state)
    case .endTransaction: return endTransaction.handle(request, on: connection, state)
    case .pullMessage where servesPulls: return pull.handle(request, on: connection, state)
    case .consumerSendMessageBack: return takeBack(request, on: connection, state)
    case .updateConsumerOffset:
      do throws(Refusal) {
        try updateOffset.handle(request)
        connection.send(Reply(), to: request.header)
      } catch {
        connection.send(Reply(error), to: request.header)
      }
      return .done
    case .queryConsumerOffset:
      do throws(Refusal) {
        if let offset = try queryOffset.committed(request) {
          connection.send(Reply(fields: [ReplyField("offset", offset)]), to: request.header)
          return .done
        }
      } catch {
        connection.send(Reply(error), to: request.header)
        return .done
      }
      return handleCold(request, on: connection, state)
    default: return handleCold(request, on: connection, state)
    }
  }

  /// Whether access control lets a request through. If not, it has been answered.
  private func isAllowed(
    _ request: borrowing Request, on connection: Connection, _ state: BrokerLoop, _ list: AccessList
  ) -> Bool {
    do throws(Refusal) {
      try state.checkAccess(request, from: connection.peer, list)
      return true
    } catch {
      connection.send(Reply(error), to: request.header)
      return false
    }
  }

  private func takeBack(_ request: borrowing Request, on connection: Connection, _ state: BrokerLoop) -> Disposition {
    let (header, id) = (request.header, connection.id)
    do throws(Refusal) {
      let asked = try ConsumerSendMessageBack.Request(request)
      underWay.add(1, ordering: .relaxed)
      sendBack.handle(asked, version: header.version, from: id, grant: state.grant, state) { [self] reply in
        underWay.subtract(1, ordering: .relaxed)
        state.loop.connection(id)?.send(reply, to: header)
      }
    } catch {
      connection.send(Reply(error), to: header)
    }
    return .done
  }

  private func handleCold(_ request: borrowing Request, on connection: Connection, _ state: BrokerLoop) -> Disposition {
    let header = request.header
    let requester = Requester(
      connection: connection.id.rawValue, address: connection.peer, grant: state.grant)
    let answerer: HandlerTable.Answerer
    do throws(Refusal) {
      answerer = try table.answerer(for: request.code, from: requester, access.withLock { $0 })
    } catch {
      connection.send(Reply(error), to: header)
      return .done
    }
    let command = Command(copying: request)
    switch answerer {
    case .relay(let handler): passOn(command, from: requester, by: handler, on: connection, state)
    case .change(let handler): change(command, from: requester, by: handler, on: connection, state)
    case .handler(let handler, .loop):
      connection.send(Self.reply(handler, command, requester), to: header)
      state.clientsChanged = true
    case .handler(let handler, .ioThread):
      let id = connection.id
      underWay.add(1, ordering: .relaxed)
      do throws(Refusal) {
        try parts.handOver(from: id, bytes: command.contentBytes, within: Self.coldLimit) { [self] in
          let reply = Self.reply(handler, command, requester)
          if command.header.code == RequestCode.updateBrokerConfig.rawValue { settingsChanged() }
          let handed = state.loop.execute { [self] in
            underWay.subtract(1, ordering: .relaxed)
            answer(reply, to: header, on: id, state)
          }
          if !handed { underWay.subtract(1, ordering: .relaxed) }
        }
      } catch {
        underWay.subtract(1, ordering: .relaxed)
        connection.send(Reply(error), to: header)
      }
    }
    return .done
  }

  /// Has a change of the configuration made, which is answered when its files hold it.
  private func change(
    _ command: Command, from requester: Requester, by handler: any ChangingHandler, on connection: Connection,
    _ state: BrokerLoop
  ) {
    let id = connection.id
    underWay.add(1, ordering: .relaxed)
    let change = ConfigCommit.Change(command, from: requester, by: handler) { [self] reply in
      let handed = state.loop.execute { [self] in
        underWay.subtract(1, ordering: .relaxed)
        answer(reply, to: command.header, on: id, state)
      }
      if !handed { underWay.subtract(1, ordering: .relaxed) }
    }
    do throws(Refusal) {
      try commit.add(change)
    } catch {
      underWay.subtract(1, ordering: .relaxed)
      connection.send(Reply(error), to: command.header)
    }
  }

  /// Answers a request after asking clients: plans on an I/O thread, asks and answers on the loops.
  private func passOn(
    _ command: Command, from requester: Requester, by relaying: any RelayingHandler, on connection: Connection,
    _ state: BrokerLoop
  ) {
    let id = connection.id
    let finish: @Sendable (Reply) -> Void = { [self] reply in
      underWay.subtract(1, ordering: .relaxed)
      answer(reply, to: command.header, on: id, state)
    }
    underWay.add(1, ordering: .relaxed)
    do throws(Refusal) {
      try parts.handOver(from: id, bytes: command.contentBytes, within: Self.coldLimit) { [self] in
        let plan: Relay
        do throws(Refusal) {
          plan = try relaying.plan(command, from: requester)
        } catch {
          plan = Relay(telling: [], reply: Reply(error))
        }
        for notice in plan.notices { relay.notify(notice) }
        let handed = state.loop.execute { [self] in
          relay.callAll(plan.calls, timeout: plan.timeout, on: state.loop) { finish(plan.finish($0)) }
        }
        if !handed { underWay.subtract(1, ordering: .relaxed) }
      }
    } catch {
      finish(Reply(error))
    }
  }

  /// Answers a request that was read some time ago. A peer that does not fetch its answers is given no long one more:
  /// many requests were read while it still had room for one.
  private func answer(_ reply: Reply, to request: CommandHeader, on id: ConnectionID, _ state: BrokerLoop) {
    guard let connection = state.loop.connection(id) else { return }
    guard reply.body.count >= Self.longAnswer, !connection.hasRoomForOutput() else {
      return connection.send(reply, to: request)
    }
    connection.send(Reply(.systemBusy, remark: "earlier answers have not been fetched"), to: request)
  }

  private static func reply(_ handler: any RequestHandler, _ command: Command, _ requester: Requester) -> Reply {
    do throws(Refusal) {
      return try handler.handle(command, from: requester)
    } catch {
      return Reply(error)
    }
  }

  /// A request is answered with something else than success.
  func refused(_ request: CommandHeader, with reply: Reply, from peer: HostAddress) {
    parts.refusals.add(reply.code, reply.remark, to: request, from: peer)
  }

  func connectionClosed(_ connection: Connection) {
    let state = state(of: connection.loop)
    state.parked.connectionClosed(connection.id.rawValue)
    state.publishParked()
    parts.clients.withLock { $0.connectionClosed(connection.id.rawValue) }
    parts.tables.grants.withLock { $0[connection.id.rawValue] = nil }
    state.clientsChanged = true
    // No frame may follow in this turn: the notices leave with the next one, which this asks for.
    state.loop.requestTick(at: state.loop.now)
  }

  // MARK: The end of a turn

  func turnEnded(on loop: EventLoop) {
    let state = state(of: loop)
    if !state.pending.isEmpty { send.answerPending(state) }
    parts.messages.settle(state)
    if state.hasAppended { publish(state) }
    if state.clientsChanged { notifyMembers(state) }
    state.requestTick()
  }

  /// Makes what this turn appended visible: queue entries, waiting pulls, the threads that follow the log.
  private func publish(_ state: BrokerLoop) {
    state.hasAppended = false
    state.arrivals.removeAll(keepingCapacity: true)
    var othersWait = false
    let end = parts.store.withLock { store in
      // Asked with the lock held: a pull that parks on another loop looks at the queue's end once more under the lock
      // after it is counted, so that either it sees these messages or they see it.
      for other in states {
        if let other, other !== state, other.parkedCount.load(ordering: .acquiring) > 0 { othersWait = true }
      }
      let collects = othersWait || !state.parked.isEmpty
      for queue in store.dispatch() where collects {
        guard let tag = queue.attachment as? QueueTag, othersWait || state.parked.isAwaited(tag.key) else { continue }
        queue.forEachGrown { offset, tagsCode in
          state.arrivals.append(Arrival(queue: tag.key, offset: offset, tagsCode: tagsCode))
        }
      }
      return store.marks.appended
    }
    if state.wantsFlush {
      state.wantsFlush = false
      parts.store.want(end)
      parts.threads.flushNow()
    }
    parts.threads.logGrew(to: end)
    parts.index?.logGrew()
    if state.hasDelayed {
      state.hasDelayed = false
      delayedGrew()
    }
    guard !state.arrivals.isEmpty else { return }
    if othersWait {
      let arrivals = state.arrivals
      for other in states {
        guard let other, other !== state, other.parkedCount.load(ordering: .acquiring) > 0 else { continue }
        other.loop.execute { [self] in wake(arrivals, other) }
      }
    }
    wake(state.arrivals, state)
  }

  private func delayedGrew() {
    delayed.withLock { $0 }?.grew()
    timed.withLock { $0 }?.grew()
  }

  private func wake(_ arrivals: [Arrival], _ state: BrokerLoop) {
    for arrival in arrivals {
      state.parked.arrived(
        arrival.queue, offset: arrival.offset, tagsCode: arrival.tagsCode, released: &state.released)
    }
    pull.runReleased(state)
  }

  func tick(on loop: EventLoop, now: MonotonicTime) {
    let state = state(of: loop)
    state.parked.expire(now: now, released: &state.released)
    for key in state.parked.queuesToCheck(now: now) {
      guard let queue = state.queue(number: key) else { continue }
      let end = parts.store.withLock { _ in queue.maxOffset.rawValue }
      state.parked.arrived(key, end: end, released: &state.released)
    }
    pull.runReleased(state)
  }

  /// Tells the members of consumer groups that changed to share the queues out anew.
  private func notifyMembers(_ state: BrokerLoop) {
    state.clientsChanged = false
    let emptied = parts.clients.withLock { $0.takeEmptied() }
    if !emptied.isEmpty {
      let now = SystemClock.wall()
      parts.tables.filters.withLock { filters in
        for group in emptied { filters.unregister(group: group, now: now) }
      }
    }
    for notice in parts.clients.withLock({ $0.takeNotices() }) {
      let fields = NotifyConsumerIDsChanged.Request(consumerGroup: notice.group).fields
      for connection in notice.connections {
        relay.notify(
          ClientCall(connection: connection, code: .notifyConsumerIDsChanged, fields: fields), on: state.loop)
      }
    }
  }

  // MARK: From other threads

  /// The device holds more, or the store failed: answers the sends that wait for that.
  package func flushed() {
    for state in loops {
      state.loop.execute { [self] in
        send.answerPending(state)
        parts.messages.settle(state)
      }
    }
  }

  /// A segment is ready, or it is decided what becomes of a deleted topic: lets the sends go on that wait for that.
  package func mayStore() {
    for state in loops {
      state.loop.execute { [self] in
        state.loop.resumeStalled()
        parts.messages.resume(state)
      }
    }
    delayedGrew()
  }

  /// A topic is gone: its waiting pulls are answered and its queues forgotten.
  package func topicDeleted(_ topic: Int32) {
    for state in loops {
      state.loop.execute { [self] in
        state.forget(topic: topic)
        state.parked.releaseAll(topic: topic, released: &state.released)
        pull.runReleased(state)
      }
    }
    parts.tables.statistics.withLock { $0.forget(topic: topic) }
  }

  /// Settings changed: the store and the loops take over the ones they use, as they are now. Of two changes at once the
  /// last one counts everywhere.
  private func settingsChanged() {
    adoption.lock()
    defer { adoption.unlock() }
    let settings = parts.tables.settings.withLock { $0 }
    access.withLock { $0.networks = settings.process.adminNetworks }
    let serving = settings.serving
    let (memory, disk) = (StoreSettings.PullLimit(serving.fromMemory), StoreSettings.PullLimit(serving.fromDisk))
    parts.store.withLock { $0.limitPulls(fromMemory: memory, fromDisk: disk) }
    do throws(DiskError) {
      try parts.duplicates.update(serving.duplicates)
    } catch {
      parts.log.error("broker", "recentSends cannot be written", ["cause": error])
    }
    for state in loops { state.loop.execute { state.serving = serving } }
  }

  /// From now on every loop goes by these accounts. Returns when they do; not to be called on a loop.
  package func adopt(_ access: AccessFiles.Snapshot) {
    for state in loops { state.loop.executeAndWait { state.adopt(access) } }
  }

  /// Takes over what the loops counted, so that the statistics are of this moment. Not to be called on a loop.
  package func collectTraffic() {
    for state in loops {
      state.loop.executeAndWait { [self] in
        parts.tables.statistics.withLock { $0.absorb(&state.traffic) }
      }
    }
  }

  /// Takes over what the loops counted and samples the statistics.
  package func sampleStatistics(now: WallTime) {
    collectTraffic()
    let day = LocalTime(now)
    parts.tables.statistics.withLock { $0.sample(now: now, day: day.year * 10_000 + day.month * 100 + day.day) }
  }

  /// Tells the log of refused requests that it has not told of yet.
  package func tellRefusals() { parts.refusals.tellRest() }

  /// Forgets clients that have been silent for too long, and closes their connections; forgets locks that are over.
  package func removeSilentClients(now: MonotonicTime) {
    parts.tables.locks.withLock { $0.removeExpired(now: now) }
    for number in parts.clients.withLock({ $0.expired(now: now) }) {
      let id = ConnectionID(rawValue: number)
      guard id.loop < states.count, let state = states[id.loop] else { continue }
      state.loop.execute { state.loop.connection(id)?.close() }
    }
  }

  /// The process is stopping: waiting pulls are answered, and the call returns when every accepted request is.
  package func drain(within limit: Duration) {
    let deadline = SystemClock.monotonic() + limit
    for state in loops {
      state.loop.executeAndWait { [self] in
        state.isDraining = true
        state.parked.releaseAll(released: &state.released)
        pull.runReleased(state)
      }
    }
    let pause = WakeUp()
    while SystemClock.monotonic() < deadline {
      var waiting = underWay.load(ordering: .relaxed) + relay.waitingCount
      for state in loops { state.loop.executeAndWait { state.publishPending() } }
      for state in loops { waiting += state.pendingCount.load(ordering: .relaxed) }
      if waiting == 0 { return }
      pause.wait(until: SystemClock.monotonic() + .milliseconds(2))
    }
  }
}
