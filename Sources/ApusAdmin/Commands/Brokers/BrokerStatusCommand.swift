import ApusBase
import ApusCommandLine
import ApusProtocol

/// `brokerStatus`: all that a broker measures of itself.
struct BrokerStatusCommand: AdminCommand {
  static let description = forBrokers("brokerStatus", "Show what brokers measure of themselves.")

  static let lines = Table(
    "%-32s: %s", [.init("", "key"), .init("", "value")], hasHead: false)
  static let brokerLines = Table(
    "%-24s %-32s: %s", [.init("", "broker"), .init("", "key"), .init("", "value")], hasHead: false)

  private let target: BrokerTarget

  init(_ arguments: Arguments) throws(CommandFailure) { target = try BrokerTarget(required: arguments) }

  func run(_ session: AdminSession) async throws(AdminError) {
    try await target.each(.all, session) { address throws(AdminError) in
      let info = try await session.client.runtimeInfo(of: address)
      for row in info.rows.sorted(by: { $0.key < $1.key }) {
        if case .broker = target, !session.isJSON {
          session.row(Self.lines, [.text(row.key), .text(row.value)])
        } else {
          session.row(Self.brokerLines, [.text(address), .text(row.key), .text(row.value)])
        }
      }
    }
  }
}
