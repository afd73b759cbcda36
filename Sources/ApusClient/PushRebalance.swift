import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// Which queues this consumer has: worked out anew when members come or go, and every
/// ``ClientConfiguration/rebalanceInterval``.
extension PushConsumer {
  /// Works out the share of a topic: queues that belong to others now are given up. Returns those that are new.
  func rebalance(_ topic: String) async -> [QueueWork] {
    do throws(ClientError) {
      let queues = Set(try await share.queues(of: topic))
      await remove(
        allWork.filter { $0.queue.topic == topic && ($0.isLeaving || !queues.contains($0.queue)) })
      return await take(queues.filter { work(of: $0) == nil })
    } catch {
      // The retry topic is made with the first message that comes again.
      if error.code != .unknownTopic || !topic.hasPrefix("%RETRY%") {
        runtime.warn("queues cannot be shared out", "topic", topic, cause: error)
      }
      return []
    }
  }

  /// Begins with queues. Those of a broker that does not answer have their turn the next time, so that they do not hold
  /// up what others have.
  private func take(_ queues: Set<MessageQueue>) async -> [QueueWork] {
    var added: [QueueWork] = []
    var silent: Set<String> = []
    for queue in queues.sorted() where !silent.contains(queue.brokerName) {
      let asked = SystemClock.monotonic()
      if needsLocks {
        guard let locked = await ask(for: [queue]) else {
          silent.insert(queue.brokerName)
          continue
        }
        guard locked.contains(queue) else { continue }
      }
      switch await share.beginning(of: queue) {
      case .at(let offset):
        let work = QueueWork(queue, from: offset)
        if isOrderly { work.locked(until: asked + configuration.lockMaxLiveTime) }
        add(work)
        added.append(work)
      case .refused: break
      case .silent: silent.insert(queue.brokerName)
      }
    }
    return added
  }

  // MARK: Locks

  /// Asks the brokers to keep queues for this consumer. Returns those that they do.
  func lock(_ queues: [MessageQueue]) async -> Set<MessageQueue> {
    var locked: Set<MessageQueue> = []
    for (_, wanted) in Dictionary(grouping: queues, by: \.brokerName) { locked.formUnion(await ask(for: wanted) ?? []) }
    return locked
  }

  /// Asks a broker to keep queues of its own. Returns those that it does; nil when it gave no answer.
  ///
  /// Deviation: within `requestTimeout`, where Java waits for a second, which a broker that is slow needs too often.
  private func ask(for queues: [MessageQueue]) async -> Set<MessageQueue>? {
    do throws(ClientError) {
      let wish = LockRequestBody(group: group, clientID: runtime.clientID, queues: queues.sorted())
      let answer = try await runtime.ask(
        LockBatchMessageQueue.Request(wish), at: try await runtime.anyMember(of: queues[0]))
      do throws(DecodeError) {
        return Set(try LockResponseBody(bytes: answer.body.rawSpan).queues)
      } catch {
        throw ClientError(.badAnswer, "the list of locked queues cannot be read: \(error)", cause: error)
      }
    } catch {
      runtime.warn("queues were not locked", "broker", queues[0].brokerName, cause: error)
      return nil
    }
  }

  /// Lets others have queues. A broker that does not answer does not hold up what the others are told.
  func unlock(_ queues: [MessageQueue]) async {
    await withDiscardingTaskGroup { group in
      for left in Dictionary(grouping: queues, by: \.brokerName).values {
        group.addTask { await self.unlock(ofOneBroker: left) }
      }
    }
  }

  private func unlock(ofOneBroker queues: [MessageQueue]) async {
    do throws(ClientError) {
      let wish = LockRequestBody(group: group, clientID: runtime.clientID, queues: queues.sorted())
      _ = try await runtime.ask(
        UnlockBatchMessageQueue.Request(wish), at: try await runtime.anyMember(of: queues[0]))
    } catch {
      // The lock ends by itself after a minute.
      runtime.warn("queues were not unlocked", "broker", queues[0].brokerName, cause: error)
    }
  }

  /// Asks for all queues again before their locks end. What a broker does not answer for stays locked until then: it
  /// keeps a queue for a minute, and nobody else can have it.
  func renewLocks() async {
    let asked = SystemClock.monotonic()
    // A broker that does not answer does not cost the others' locks.
    await withDiscardingTaskGroup { group in
      for works in Dictionary(grouping: allWork, by: { $0.queue.brokerName }).values {
        group.addTask {
          guard let locked = await self.ask(for: works.map { $0.queue }) else { return }
          let end = asked + self.configuration.lockMaxLiveTime
          for work in works { work.locked(until: locked.contains(work.queue) ? end : nil) }
        }
      }
    }
  }
}
