import ApusBase
import ApusProtocol
import ApusSystem

extension NameServerRequests {
  /// 318 UPDATE_NAMESRV_CONFIG: changes settings and stores them. Body: properties text.
  ///
  /// Unknown keys are ignored, and named in the remark. A key of the black list refuses the whole request with 16, and
  /// a value that cannot be read with 1: then nothing is changed. (Java ignores unknown keys and unreadable values
  /// silently.)
  func updateNamesrvConfig(_ request: borrowing Request) throws(Refusal) -> Outcome {
    let changes: PropertiesFile
    do throws(DecodeError) {
      changes = try PropertiesFile(parsing: request.body)
    } catch {
      throw Refusal(.systemError, "string2Properties error: \(error)")
    }
    return .write { [self] in
      change(changes)
    }
  }

  private func change(_ changes: PropertiesFile) -> Reply {
    var changed = settings.withLock { $0 }
    if changed.forbidden(in: changes) != nil {
      return Reply(.noPermission, remark: "Can not update config in black list.")
    }
    let before = changed
    do throws(DecodeError) {
      try changed.replace(with: changes)
    } catch {
      return Reply(.systemError, remark: "\(error.field): \(error.reason)")
    }
    let unknown = changed.unknown(in: changes)
    let success = Reply(
      .success, remark: unknown.isEmpty ? nil : "not known, not changed: \(unknown.joined(separator: ", "))")
    guard changed != before else { return success }
    do throws(DiskError) {
      try files.storeSettings(changed)
    } catch {
      log.error("namesrv", "settings not stored", ["cause": error])
      return Reply(.systemError, remark: "the settings cannot be stored: \(error)")
    }
    let result = changed
    settings.withLock { $0 = result }
    showOrderTopics()
    log.info("namesrv", "settings changed", ["keys": changes.entries.map(\.key).joined(separator: ",")])
    return success
  }
}
