package import ApusBase
import ApusModel
import ApusStoreCore

/// Messages that are found in light queues besides their own: one record, an entry in each.
extension MessageStore {
  /// The light queue of a topic, made when it is missing; nil when there are as many as there may be.
  package func openLightQueue(_ topic: String) throws(DiskError) -> ConsumeQueue? {
    guard hasRoom(forLightQueues: [topic]) else { return nil }
    return try openQueue(topic: topic, id: LightQueues.queueID)
  }

  /// Whether those of the light queues that are missing could be made.
  package func hasRoom(forLightQueues topics: [String]) -> Bool {
    let missing = topics.count { queues.slot($0, LightQueues.queueID) == nil }
    return missing == 0 || queues.lightCount + missing <= settings.lightQueueLimit
  }

  /// Loads the light queues that there are, so that no append waits for the device.
  func loadLightQueues() throws(DiskError) {
    guard settings.dispatchesToLightQueues else { return }
    for topic in queues.topicNames where LightQueues.isLight(topic) {
      _ = try queue(topic: topic, id: LightQueues.queueID)
    }
  }

  /// How many bytes a record grows by when it is stored, at most; nil when its properties become too long.
  func lightBytes(_ draft: borrowing RecordDraft) -> Int? {
    guard settings.dispatchesToLightQueues, let names = LightQueues.names(of: draft) else { return 0 }
    let bytes = LightQueues.reservedBytes(names.count)
    return draft.properties.byteCount + bytes <= MessageProperties.maximumBytes ? bytes : nil
  }

  /// Writes a record that tells its places in light queues, and notes an entry in each. The limit of light queues was
  /// looked at when the message was sent: one that was accepted then is delivered.
  @inline(never)
  func append(
    _ draft: borrowing RecordDraft, to queue: ConsumeQueue, andLight names: [String], now: WallTime
  ) -> AppendOutcome {
    if let hold = deletionHold(ofLight: names) { return hold.outcome }
    var light: [ConsumeQueue] = []
    do throws(DiskError) {
      for name in names { light.append(try openQueue(topic: name, id: LightQueues.queueID)) }
    } catch {
      return .refused(.failed(error))
    }
    var properties = ByteWriter(capacity: draft.properties.byteCount + LightQueues.reservedBytes(names.count))
    LightQueues.write(draft.properties, places: light.map(\.nextOffset.rawValue), into: &properties)
    guard properties.count <= MessageProperties.maximumBytes else { return .refused(.tooLarge) }
    let told = draft.replacing(properties: properties.bytes)
    let outcome = write(told, to: queue, now: now)
    guard case .appended(let appended) = outcome else { return outcome }
    let entry = ConsumeQueueEntry(
      offset: appended.offset, size: Int32(truncatingIfNeeded: told.recordBytes), tagsCode: told.tagsCode)
    for light in light where light !== queue { note(light, entry, now) }
    return outcome
  }
}
