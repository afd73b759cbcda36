import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// Which queues this consumer has: worked out anew when members come or go, and every 20 seconds.
extension PushConsumer {
  /// How long a queue stays this consumer's after the broker was asked for it, for this consumer.
  static let lockTime = Duration.seconds(30)

  /// Works out the share of a topic: queues that belong to others now are given up. Returns those that are new.
  func rebalance(_ topic: String) async -> [QueueWork] {
    do throws(ClientError) {
      let share = Set(try await share(of: topic))
      for queue in allWork where queue.queue.topic == topic && !share.contains(queue.queue) { await remove(queue) }
      var added: [QueueWork] = []
      for queue in share.sorted() where work(of: queue) == nil {
        if needsLocks, await !lock([queue]).contains(queue) { continue }
        guard let offset = await startOffset(queue) else { continue }
        let work = QueueWork(queue, from: offset)
        if isOrderly { work.locked(until: SystemClock.monotonic() + Self.lockTime) }
        offsets.update(queue, offset, forced: true)
        add(work)
        added.append(work)
      }
      return added
    } catch {
      // The retry topic is made with the first message that comes again.
      if error.code != .unknownTopic || !topic.hasPrefix("%RETRY%") {
        runtime.log.warning("client", "queues cannot be shared out", ["topic": topic, "cause": error])
      }
      return []
    }
  }

  private func share(of topic: String) async throws(ClientError) -> [MessageQueue] {
    let route = try await runtime.routes.route(topic)
    guard configuration.messageModel == .clustering else { return route.readQueues }
    guard let broker = route.readQueues.first else { return [] }
    let members = try await members(knownTo: broker)
    return configuration.rebalance.core.allocate(route.readQueues.sorted(), among: members, to: runtime.clientID)
  }

  /// The members of the group, sorted, as a broker of a queue knows them. A broker that does not know this one yet is
  /// told first.
  private func members(knownTo queue: MessageQueue) async throws(ClientError) -> [String] {
    let request = GetConsumerListByGroup.Request(consumerGroup: group)
    for isLast in [false, true] {
      let answer = try await runtime.askAny(request, at: try await runtime.anyMember(of: queue))
      if answer.responseCode == .success {
        do throws(DecodeError) {
          let found = try ConsumerIDList(bytes: answer.body.rawSpan).clientIDs
          if found.contains(runtime.clientID) || isLast { return Array(Set(found)).sorted() }
        } catch {
          throw ClientError(.badAnswer, "the list of members cannot be read: \(error)", cause: error)
        }
      } else if isLast {
        throw ClientError(refusal: answer, server: queue.brokerName)
      }
      await client.heartbeat()
    }
    return []
  }

  /// Where to begin with a queue: at the group's offset, else where the settings say; nil when the broker cannot be
  /// asked now.
  func startOffset(_ queue: MessageQueue) async -> Int64? {
    do throws(ClientError) {
      if let stored = try await offsets.stored(queue) { return stored }
      let isRetry = queue.topic.hasPrefix("%RETRY%")
      switch configuration.start {
      case .first: return 0
      case .last: return isRetry ? 0 : try await runtime.maxOffset(of: queue)
      case .time(let milliseconds):
        return isRetry
          ? try await runtime.maxOffset(of: queue) : try await runtime.offset(of: queue, at: milliseconds)
      }
    } catch {
      runtime.log.warning("client", "the offset of a queue is not known", ["queue": "\(queue)", "cause": error])
      return nil
    }
  }

  // MARK: Locks

  /// Asks the brokers to keep queues for this consumer. Returns those that they do.
  func lock(_ queues: [MessageQueue]) async -> Set<MessageQueue> {
    var locked: Set<MessageQueue> = []
    for (_, wanted) in Dictionary(grouping: queues, by: \.brokerName) {
      do throws(ClientError) {
        let wish = LockRequestBody(group: group, clientID: runtime.clientID, queues: wanted.sorted())
        let answer = try await runtime.ask(
          LockBatchMessageQueue.Request(wish), at: try await runtime.anyMember(of: wanted[0]), timeout: .seconds(1))
        do throws(DecodeError) {
          locked.formUnion(try LockResponseBody(bytes: answer.body.rawSpan).queues)
        } catch {
          throw ClientError(.badAnswer, "the list of locked queues cannot be read: \(error)", cause: error)
        }
      } catch {
        runtime.log.warning("client", "queues were not locked", ["broker": wanted[0].brokerName, "cause": error])
      }
    }
    return locked
  }

  /// Lets others have queues.
  func unlock(_ queues: [MessageQueue]) async {
    for (_, left) in Dictionary(grouping: queues, by: \.brokerName) {
      do throws(ClientError) {
        let wish = LockRequestBody(group: group, clientID: runtime.clientID, queues: left.sorted())
        _ = try await runtime.ask(
          UnlockBatchMessageQueue.Request(wish), at: try await runtime.anyMember(of: left[0]), timeout: .seconds(1))
      } catch {
        // The lock ends by itself after a minute.
        runtime.log.warning("client", "queues were not unlocked", ["broker": left[0].brokerName, "cause": error])
      }
    }
  }

  /// Asks for all queues again before their locks end.
  func renewLocks() async {
    let all = allWork
    let asked = SystemClock.monotonic()
    let locked = await lock(all.map(\.queue))
    for queue in all { queue.locked(until: locked.contains(queue.queue) ? asked + Self.lockTime : nil) }
  }
}

extension ClientRuntime {
  /// The offset behind a queue's newest message.
  func maxOffset(of queue: MessageQueue) async throws(ClientError) -> Int64 {
    try await offset(asking: GetMaxOffset.Request(topic: queue.topic, queueID: queue.queueID), of: queue)
  }

  /// The offset of a queue's oldest message.
  func minOffset(of queue: MessageQueue) async throws(ClientError) -> Int64 {
    try await offset(asking: GetMinOffset.Request(topic: queue.topic, queueID: queue.queueID), of: queue)
  }

  /// The offset of a queue's first message that was stored at or after a moment.
  func offset(of queue: MessageQueue, at milliseconds: Int64) async throws(ClientError) -> Int64 {
    let request = SearchOffsetByTimestamp.Request(
      topic: queue.topic, queueID: queue.queueID, timestamp: milliseconds)
    return try await offset(asking: request, of: queue)
  }

  private func offset(
    asking request: some OutgoingRequest, of queue: MessageQueue
  ) async throws(ClientError) -> Int64 {
    let answer = try await ask(request, at: try await anyMember(of: queue))
    guard let offset = answer["offset"].flatMap({ Int64($0) }) else {
      throw ClientError(.badAnswer, "the answer names no offset", server: queue.brokerName)
    }
    return offset
  }
}
