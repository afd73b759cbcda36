import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 104 UNREGISTER_BROKER: a broker leaves.
  ///
  /// Fields: `brokerName`, `brokerAddr`, `clusterName`, `brokerId`.
  func unregisterBroker(_ request: borrowing Request) throws(Refusal) -> Reply {
    let message = try UnregisterBroker.Request(request)
    let broker = BrokerIdentity(
      cluster: message.clusterName, brokerName: message.brokerName, brokerID: message.brokerID,
      address: message.brokerAddress)
    routes.withLock { $0.unregister(broker) }
    log.info("namesrv", "broker unregistered", ["address": broker.address, "name": broker.brokerName])
    return Reply()
  }
}
