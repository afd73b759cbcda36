import ApusAccess
import ApusProtocol
import ApusSystem

extension Broker {
  /// The access control files that the settings ask for; nil while access control is off.
  static func accessFiles(_ settings: BrokerSettings, log: Logger) throws(BrokerError) -> AccessFiles? {
    guard let directory = settings.process.accessDirectory else { return nil }
    do throws(AccessFileError) {
      return try AccessFiles(directory: directory, now: SystemClock.wall(), log: log)
    } catch {
      throw .setting("aclEnable is set, but the access control files cannot be used: \(error)")
    }
  }
}

extension HandlerTable {
  /// Enters the codes that read and change access control. They wait for the device.
  mutating func add(_ access: AccessFiles, identity: BrokerIdentity, log: Logger) {
    add(.updateAndCreateACLConfig, .ioThread, UpdateAndCreateACLConfigHandler(files: access, log: log))
    add(.deleteACLConfig, .ioThread, DeleteACLConfigHandler(files: access, log: log))
    add(.updateGlobalWhiteAddrsConfig, .ioThread, UpdateGlobalWhiteAddrsConfigHandler(files: access, log: log))
    add(.getBrokerClusterACLInfo, .ioThread, GetBrokerClusterACLInfoHandler(files: access, identity: identity))
  }
}
