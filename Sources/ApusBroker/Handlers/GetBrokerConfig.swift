import ApusBase
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 26: all settings as `key=value` lines, with the version of the settings as JSON in a field.
package struct GetBrokerConfigHandler: RequestHandler {
  private let settings: Locked<BrokerSettings>

  /// Takes its parts.
  package init(settings: Locked<BrokerSettings>) { self.settings = settings }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let (lines, version) = settings.withLock { ($0.lines, $0.version) }
    return Reply(fields: [ReplyField("version", version.json.text())], body: Array(lines.utf8))
  }
}
