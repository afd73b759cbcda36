/// How a request ended. A raw number with names, so that codes nobody here knows survive.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/ResponseCode.java
@frozen
public struct ResponseCode: RawRepresentable, Hashable, Sendable {
  /// The number on the wire.
  public var rawValue: Int32

  /// Wraps a number from the wire.
  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

  /// Wraps a number from the wire.
  @inlinable public init(_ rawValue: Int32) { self.rawValue = rawValue }

  /// 0 SUCCESS
  @inlinable public static var success: ResponseCode { ResponseCode(0) }
  /// 1 SYSTEM_ERROR
  @inlinable public static var systemError: ResponseCode { ResponseCode(1) }
  /// 2 SYSTEM_BUSY
  @inlinable public static var systemBusy: ResponseCode { ResponseCode(2) }
  /// 3 REQUEST_CODE_NOT_SUPPORTED
  @inlinable public static var requestCodeNotSupported: ResponseCode { ResponseCode(3) }
  /// 4 TRANSACTION_FAILED
  @inlinable public static var transactionFailed: ResponseCode { ResponseCode(4) }
  /// 10 FLUSH_DISK_TIMEOUT
  @inlinable public static var flushDiskTimeout: ResponseCode { ResponseCode(10) }
  /// 11 SLAVE_NOT_AVAILABLE
  @inlinable public static var slaveNotAvailable: ResponseCode { ResponseCode(11) }
  /// 12 FLUSH_SLAVE_TIMEOUT
  @inlinable public static var flushSlaveTimeout: ResponseCode { ResponseCode(12) }
  /// 13 MESSAGE_ILLEGAL
  @inlinable public static var messageIllegal: ResponseCode { ResponseCode(13) }
  /// 14 SERVICE_NOT_AVAILABLE
  @inlinable public static var serviceNotAvailable: ResponseCode { ResponseCode(14) }
  /// 15 VERSION_NOT_SUPPORTED
  @inlinable public static var versionNotSupported: ResponseCode { ResponseCode(15) }
  /// 16 NO_PERMISSION
  @inlinable public static var noPermission: ResponseCode { ResponseCode(16) }
  /// 17 TOPIC_NOT_EXIST
  @inlinable public static var topicNotExist: ResponseCode { ResponseCode(17) }
  /// 18 TOPIC_EXIST_ALREADY
  @inlinable public static var topicExistAlready: ResponseCode { ResponseCode(18) }
  /// 19 PULL_NOT_FOUND
  @inlinable public static var pullNotFound: ResponseCode { ResponseCode(19) }
  /// 20 PULL_RETRY_IMMEDIATELY
  @inlinable public static var pullRetryImmediately: ResponseCode { ResponseCode(20) }
  /// 21 PULL_OFFSET_MOVED
  @inlinable public static var pullOffsetMoved: ResponseCode { ResponseCode(21) }
  /// 22 QUERY_NOT_FOUND
  @inlinable public static var queryNotFound: ResponseCode { ResponseCode(22) }
  /// 23 SUBSCRIPTION_PARSE_FAILED
  @inlinable public static var subscriptionParseFailed: ResponseCode { ResponseCode(23) }
  /// 24 SUBSCRIPTION_NOT_EXIST
  @inlinable public static var subscriptionNotExist: ResponseCode { ResponseCode(24) }
  /// 25 SUBSCRIPTION_NOT_LATEST
  @inlinable public static var subscriptionNotLatest: ResponseCode { ResponseCode(25) }
  /// 26 SUBSCRIPTION_GROUP_NOT_EXIST
  @inlinable public static var subscriptionGroupNotExist: ResponseCode { ResponseCode(26) }
  /// 27 FILTER_DATA_NOT_EXIST
  @inlinable public static var filterDataNotExist: ResponseCode { ResponseCode(27) }
  /// 28 FILTER_DATA_NOT_LATEST
  @inlinable public static var filterDataNotLatest: ResponseCode { ResponseCode(28) }
  /// 206 CONSUMER_NOT_ONLINE
  @inlinable public static var consumerNotOnline: ResponseCode { ResponseCode(206) }
  /// 207 CONSUME_MSG_TIMEOUT
  @inlinable public static var consumeMessageTimeout: ResponseCode { ResponseCode(207) }
  /// 208 NO_MESSAGE
  @inlinable public static var noMessage: ResponseCode { ResponseCode(208) }
  /// 209 UPDATE_AND_CREATE_ACL_CONFIG_FAILED
  @inlinable public static var updateAndCreateACLConfigFailed: ResponseCode { ResponseCode(209) }
  /// 210 DELETE_ACL_CONFIG_FAILED
  @inlinable public static var deleteACLConfigFailed: ResponseCode { ResponseCode(210) }
  /// 211 UPDATE_GLOBAL_WHITE_ADDRS_CONFIG_FAILED
  @inlinable public static var updateGlobalWhiteAddressesConfigFailed: ResponseCode { ResponseCode(211) }
  /// 215 FLOW_CONTROL
  @inlinable public static var flowControl: ResponseCode { ResponseCode(215) }
}
