/// Settings that producers and consumers share. Names and defaults are those of RocketMQ's ClientConfig, except where
/// a unit belongs to the type.
public struct ClientConfiguration: Sendable {
  /// How requests' headers are written.
  public enum HeaderFormat: Sendable {
    /// JSON, which every broker reads.
    case json
    /// RocketMQ's binary form, smaller and faster.
    case binary
  }

  /// Which service the brokers belong to.
  public enum AccessChannel: Sendable {
    /// LOCAL: brokers of one's own.
    case local
    /// CLOUD: a cloud's. Traces go to a topic for each region.
    case cloud
  }

  /// `namesrvAddr`: name servers, each `host:port`. Empty asks the environment (`NAMESRV_ADDR`), and after that the
  /// address server.
  public var nameServers: [String]
  /// `clientIP`: this machine's address as it appears in the client id; the first one found unless told.
  public var clientIP: String?
  /// `instanceName`: tells clients of one process apart; the process id and the time unless told.
  public var instanceName = "DEFAULT"
  /// `namespace`: put in front of the names of topics and groups.
  public var namespace = ""
  /// `unitName`: the unit of a deployment, added to the client id.
  public var unitName = ""
  /// `unitMode`: whether the client belongs to a unit.
  public var unitMode = false
  /// `accessChannel`: which service the brokers belong to.
  public var accessChannel = AccessChannel.local
  /// `pollNameServerInterval`: how often routes are asked for anew.
  public var pollNameServerInterval = Duration.seconds(30)
  /// `rocketmq.client.rebalance.waitInterval`: how often consumers share queues out anew when nothing tells them to.
  public var rebalanceInterval = Duration.seconds(20)
  /// `heartbeatBrokerInterval`: how often brokers are told who is there.
  public var heartbeatBrokerInterval = Duration.seconds(30)
  /// `persistConsumerOffsetInterval`: how often consumers' offsets are committed.
  public var persistConsumerOffsetInterval = Duration.seconds(5)
  /// `pullTimeDelayMillsWhenException`: the pause after a pull that failed.
  public var pullDelayAfterError = Duration.seconds(1)
  /// Who the client is where access is controlled; nil signs nothing. Java takes it as an `AclClientRPCHook`.
  public var credentials: ClientCredentials?
  /// `enableStreamRequestType`: marks every request as one of a stream (`ReqT`) and the client id by `@STREAM`.
  public var marksStreamRequests = false
  /// `rocketmq.client.localOffsetStoreDir`: where consumers of broadcast messages keep how far they are, each in
  /// `CLIENT/GROUP/offsets.json`; nil for `.rocketmq_offsets` in the home directory. CLIENT is this machine's address,
  /// `instanceName` and unit: two processes at once need an `instanceName` each.
  public var localOffsetDirectory: String?
  /// `vipChannelEnabled`: whether to use the broker's port for everything but pulls, two below.
  public var vipChannelEnabled = false
  /// `mqClientApiTimeout`: the time limit of requests that are neither sends nor pulls.
  public var requestTimeout = Duration.seconds(3)
  /// The time limit of connecting.
  public var connectTimeout = Duration.seconds(3)
  /// The form of requests' headers (`rocketmq.serialize.type`).
  public var headerFormat = HeaderFormat.json
  /// Who tells where name servers are when neither `nameServers` nor the environment do; nil for nobody. Java asks
  /// ``AddressServer/init(domain:subgroup:)`` with its defaults.
  public var addressServer: AddressServer?
  /// Takes the client's figures; nil counts nothing.
  public var metrics: (any ClientMetrics)?
  /// `useTLS`: the connections to name servers and brokers are encrypted; nil for plain ones.
  public var tls: TLSConfiguration?

  /// Settings with RocketMQ's defaults.
  public init(nameServers: [String] = []) { self.nameServers = nameServers }
}
