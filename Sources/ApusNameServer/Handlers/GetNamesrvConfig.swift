import ApusProtocol
import ApusSystem

extension NameServerRequests {
  /// 319 GET_NAMESRV_CONFIG: the settings as properties text.
  func getNamesrvConfig() -> Reply { Reply(body: settings.withLock { $0.properties }) }
}
