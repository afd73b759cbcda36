import ApusBase
import ApusModel
import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 322 QUERY_DATA_VERSION: does the name server know a broker's present topics?
  ///
  /// Fields: `brokerName`, `brokerAddr`, `clusterName`, `brokerId`. Body: the broker's DataVersion. Answers
  /// `changed`, and the DataVersion known here unless the broker is not.
  func queryDataVersion(_ request: borrowing Request, _ context: Context) throws(Refusal) -> Reply {
    let broker = try identity(request)
    let version: DataVersion
    do throws(DecodeError) {
      version = try DataVersion(json: JSONParser.parse(request.body))
    } catch {
      throw Refusal(.systemError, "the body is no data version: \(error)")
    }
    let (isChanged, known) = routes.withLock {
      $0.compare(version, of: broker.address, over: context.link, now: context.now)
    }
    return Reply(fields: [ReplyField("changed", isChanged)], body: known?.json.bytes() ?? [])
  }
}
