import ApusBase
import ApusStoreCore

/// What a start refuses before it changes anything: files that do not fit the settings, or are of another kind.
extension MessageStore {
  /// A broker of a DLedger group keeps its messages in a log of another format, in `dledger-` and its number.
  func refuseDLedger() throws(StoreError) {
    let entries: [DiskEntry]
    do throws(DiskError) { entries = try disk.list(settings.root) } catch { throw .disk(error) }
    guard let group = entries.first(where: { $0.isDirectory && $0.name.hasPrefix("dledger-") }) else { return }
    throw .layout(
      path: settings.root + "/" + group.name,
      reason: "is the log of a DLedger group, which is not read: have its messages consumed there, or copied by "
        + "producers, and begin with another storePathRootDir")
  }

  /// Lists which queues there are, without looking into them but for the names and lengths of some files.
  func findQueues() throws(StoreError) -> QueueFileSample {
    var sample = QueueFileSample(fileBytes: settings.queueFileBytes)
    let found: [(topic: String, id: Int32)]
    do throws(DiskError) { found = try disk.queues(below: settings.queueDirectory) } catch { throw .disk(error) }
    for (topic, id) in found { queues.insertKnown(topic, id) }
    // Spread over all of them: the queues of one topic tend to be alike.
    let step = max(1, (found.count + QueueFileSample.queueLimit - 1) / QueueFileSample.queueLimit)
    for place in stride(from: 0, to: found.count, by: step) {
      let directory = "\(settings.queueDirectory)/\(found[place].topic)/\(found[place].id)"
      let files: [DiskEntry]
      do throws(DiskError) { files = try disk.list(directory) } catch { throw .disk(error) }
      try sample.add(files, of: directory)
    }
    try sample.finish(below: settings.queueDirectory)
    return sample
  }

  /// Refuses a log without any file where there was one, as when its device is not mounted: the queues would begin
  /// anew, and groups that have offsets would miss what comes.
  func refuseMissingLog(_ mark: DurableMark?, hasQueueFiles: Bool) throws(StoreError) {
    let bytes: [UInt8]?
    do throws(DiskError) {
      bytes = try disk.contents(of: settings.checkpointPath, limit: Checkpoint.bytes)
    } catch {
      throw .disk(error)
    }
    // Java has no mark; its checkpoint tells that something was stored.
    let flushed = bytes.flatMap { Checkpoint($0.rawSpan) }?.log ?? WallTime(milliseconds: 0)
    let hadLog = mark.map { $0.offset > .zero } ?? (hasQueueFiles && flushed > WallTime(milliseconds: 0))
    guard hadLog else { return }
    throw .layout(
      path: log.directory,
      reason: "has no log file, but there was a log: perhaps it is not mounted; to begin anew on purpose, remove the "
        + "other files of the store, too")
  }
}
