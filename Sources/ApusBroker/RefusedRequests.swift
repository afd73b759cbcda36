import ApusAccess
package import ApusBrokerCore
package import ApusModel
package import ApusProtocol
package import ApusSystem

/// The requests that this broker refused: counted for the metrics, and told in the log, of each kind at most every ten
/// seconds. Answers that are a part of ordinary work are left out, see ``RefusalCounts/Kind/isOrdinary``.
package final class RefusedRequests: Sendable {
  private let counts = Locked(RefusalCounts())
  private let log: Logger

  /// Tells `log`.
  package init(log: Logger) { self.log = log }

  /// A request was answered with something else than success. A remark is what the client was told.
  package func add(_ code: ResponseCode, _ remark: String?, to request: CommandHeader, from peer: HostAddress) {
    let asked = RequestCode(request.code)
    // Every code that some handler answers has a rule of access.
    let kind = RefusalCounts.Kind(request: AccessRule.table[asked] == nil ? nil : asked, response: code)
    guard !kind.isOrdinary else { return }
    let now = SystemClock.monotonic()
    let report = counts.withLock { $0.add(kind, remark: remark ?? "", from: peer, now: now) }
    if let report { tell(report) }
  }

  /// Tells what was counted since the last lines; at the end of the broker `all` of it.
  package func tellRest(all: Bool = false) {
    let now = SystemClock.monotonic()
    for report in counts.withLock({ $0.due(now: now, all: all) }) { tell(report) }
  }

  /// How many there were of each kind, in order.
  package var totals: [(kind: RefusalCounts.Kind, count: Int64)] { counts.withLock { $0.totals } }

  private func tell(_ report: RefusalCounts.Report) {
    log.warning(
      "broker", "a request was refused",
      [
        "request": report.kind.requestText, "response": report.kind.response.rawValue, "times": report.times,
        "peer": report.peer, "remark": report.remark,
      ])
  }
}

extension RefusalCounts.Kind {
  /// The number of the request code; `unknown` for those that the broker does not know.
  var requestText: String { request.map { "\($0.rawValue)" } ?? "unknown" }
}
