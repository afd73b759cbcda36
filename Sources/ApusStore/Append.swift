package import ApusBase
package import ApusModel
import ApusStoreCore

/// Where an appended message lies.
package struct Appended: Hashable, Sendable {
  /// Where its record begins; for a batch, the first one's.
  package var offset: PhysicalOffset
  /// Its place in the queue; for a batch, the first one's. 0 for prepared and rolled-back messages.
  package var queueOffset: QueueOffset
  /// When it was stored.
  package var storeTime: WallTime
  /// Where the record ends; for a batch, the last one's. The message is acknowledged when the promised mark reaches it.
  package var end: PhysicalOffset
}

/// What became of an append.
package enum AppendOutcome: Hashable, Sendable {
  /// The message is in the log.
  case appended(Appended)
  /// Try again later. The next file is not ready: when ``MessageStore/finish(_:_:)`` of a preparation returned true. Or
  /// the topic is being deleted: when ``MessageStore/finish(_:isWritten:)`` was called.
  case notYet
  /// The store does not take it.
  case refused(StoreRefusal)
}

extension DeletionHold {
  /// What a message comes to that it keeps from its queue.
  var outcome: AppendOutcome {
    switch self {
    case .recording: .notYet
    case .failed: .refused(.deletionUnrecorded)
    }
  }
}

extension MessageStore {
  /// Writes a record to the end of the log and notes its queue entry. No system call and, but for the growth of a
  /// table, no allocation. Everything about the draft was checked before. A message for light queues costs more.
  package func append(_ draft: borrowing RecordDraft, to queue: ConsumeQueue, now: WallTime) -> AppendOutcome {
    let queue = current(queue)
    if settings.dispatchesToLightQueues, let names = LightQueues.names(of: draft) {
      return append(draft, to: queue, andLight: names, now: now)
    }
    return write(draft, to: queue, now: now)
  }

  /// Goes on refusing everything when the device has space again, until ``appendOwed(_:to:now:)`` stored a record. To
  /// be called while the device is full.
  package func holdForOwedRecord() { held[.owedRecord] = .full }

  /// Appends the record that the store is held for, and takes others again when that is done.
  package func appendOwed(_ draft: borrowing RecordDraft, to queue: ConsumeQueue, now: WallTime) -> AppendOutcome {
    let cause = held.removeValue(forKey: .owedRecord)
    let outcome = append(draft, to: queue, now: now)
    guard let cause else { return outcome }
    if case .appended = outcome { report(.acceptsAgain) } else { held[.owedRecord] = cause }
    return outcome
  }

  /// Appends a record by which older files can go, as the copy of a message that waits there, also while the device is
  /// too full for others: the log's last file has its space already, and the files that go have more.
  package func appendMakingRoom(
    _ draft: borrowing RecordDraft, to queue: ConsumeQueue, now: WallTime
  ) -> AppendOutcome {
    let reasons = held
    held = held.filter { $0.key == .owedRecord }
    defer { held = reasons }
    return append(draft, to: queue, now: now)
  }

  /// Writes a record and notes the entry in its own queue.
  @inline(__always)
  func write(_ draft: borrowing RecordDraft, to queue: ConsumeQueue, now: WallTime) -> AppendOutcome {
    if let refusal { return .refused(refusal) }
    if !deletionHolds.isEmpty, let hold = deletionHolds[queue.topic] { return hold.outcome }
    let bytes = draft.recordBytes
    switch log.place(bytes) {
    case .ready: break
    case .needsSegment: return .notYet
    case .tooLarge: return .refused(.tooLarge)
    }
    let offset = log.targetOffset
    let takesPlace = draft.sysFlag.takesQueueOffset
    let queueOffset = takesPlace ? queue.nextOffset : .zero
    unsafe draft.encode(to: log.target, queueOffset: queueOffset, physicalOffset: offset, storeTime: now)
    log.wrote(bytes, last: bytes, storeTime: now)
    if takesPlace {
      note(
        queue, ConsumeQueueEntry(offset: offset, size: Int32(truncatingIfNeeded: bytes), tagsCode: draft.tagsCode), now)
    }
    return .appended(Appended(offset: offset, queueOffset: queueOffset, storeTime: now, end: offset + bytes))
  }

  /// Writes the records of a batch, all into one file and with consecutive queue offsets.
  package func append(batch: borrowing BatchDraft, to queue: ConsumeQueue, now: WallTime) -> AppendOutcome {
    precondition(batch.count > 0, "a batch without messages")
    if let refusal { return .refused(refusal) }
    let queue = current(queue)
    if !deletionHolds.isEmpty, let hold = deletionHolds[queue.topic] { return hold.outcome }
    switch log.place(batch.recordBytes) {
    case .ready: break
    case .needsSegment: return .notYet
    case .tooLarge: return .refused(.tooLarge)
    }
    let start = log.targetOffset
    let queueOffset = queue.nextOffset
    unsafe batch.encode(to: log.target, queueOffset: queueOffset, physicalOffset: start, storeTime: now)
    var offset = start
    for index in 0..<batch.count {
      let bytes = batch.recordBytes(index)
      note(
        queue,
        ConsumeQueueEntry(
          offset: offset, size: Int32(truncatingIfNeeded: bytes), tagsCode: batch.tagsCode(index)), now)
      offset = offset + bytes
    }
    log.wrote(batch.recordBytes, last: batch.recordBytes(batch.count - 1), storeTime: now)
    return .appended(Appended(offset: start, queueOffset: queueOffset, storeTime: now, end: offset))
  }

  @inline(__always)
  func note(_ queue: ConsumeQueue, _ entry: ConsumeQueueEntry, _ now: WallTime) {
    let offset = queue.nextOffset
    queue.nextOffset = offset + 1
    if !queue.isNumbered { number(queue) }
    pending.append(
      PendingEntry(queue: queue.number, queueOffset: offset.rawValue, entry: entry, storeTime: now))
  }

  /// Adds a run of noted entries of one queue to it; returns where the run ends. A batch is one run: what costs a count
  /// of references is done once for it.
  private func move(pendingFrom first: Int, upTo end: PhysicalOffset, to queue: ConsumeQueue) -> Int {
    var head = first
    while head < pending.count {
      let next = pending[head]
      guard next.queue == queue.number, next.entry.end <= end else { break }
      precondition(queue.tail.end == next.queueOffset, "queue entries out of order")
      queue.append(next.entry)
      dispatchedTime = next.storeTime
      head += 1
    }
    return head
  }

  private func number(_ queue: ConsumeQueue) {
    while numbered.count <= queue.number { numbered.append(nil) }
    numbered[queue.number] = queue
    queue.isNumbered = true
  }

  /// Adds the entries of all records below the dispatchable mark to their queues. Returns the queues that grew, each
  /// once.
  package func dispatch() -> [ConsumeQueue] {
    let end = log.marks.dispatchable
    var head = pendingHead
    while head < pending.count, pending[head].entry.end <= end {
      guard let queue = numbered[pending[head].queue] else {
        // The topic was removed.
        head += 1
        continue
      }
      if !queue.hasGrown {
        queue.hasGrown = true
        queue.grownFrom = queue.tail.end
        grown.append(queue)
      }
      head = move(pendingFrom: head, upTo: end, to: queue)
    }
    dispatched = end
    if head == pending.count {
      pending.removeAll(keepingCapacity: true)
      head = 0
    } else if head > 4096, head > pending.count / 2 {
      pending.removeFirst(head)
      head = 0
    }
    pendingHead = head
    for queue in grown {
      queue.hasGrown = false
      markDirty(queue)
    }
    defer { grown.removeAll(keepingCapacity: true) }
    return grown
  }
}
