/// What a request asks for. A raw number with names, so that codes nobody here knows survive.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/RequestCode.java
@frozen
public struct RequestCode: RawRepresentable, Hashable, Sendable {
  /// The number on the wire.
  public var rawValue: Int32

  /// Wraps a number from the wire.
  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

  /// Wraps a number from the wire.
  @inlinable public init(_ rawValue: Int32) { self.rawValue = rawValue }

  /// 10 SEND_MESSAGE
  @inlinable public static var sendMessage: RequestCode { RequestCode(10) }
  /// 11 PULL_MESSAGE
  @inlinable public static var pullMessage: RequestCode { RequestCode(11) }
  /// 12 QUERY_MESSAGE
  @inlinable public static var queryMessage: RequestCode { RequestCode(12) }
  /// 13 QUERY_BROKER_OFFSET
  @inlinable public static var queryBrokerOffset: RequestCode { RequestCode(13) }
  /// 14 QUERY_CONSUMER_OFFSET
  @inlinable public static var queryConsumerOffset: RequestCode { RequestCode(14) }
  /// 15 UPDATE_CONSUMER_OFFSET
  @inlinable public static var updateConsumerOffset: RequestCode { RequestCode(15) }
  /// 17 UPDATE_AND_CREATE_TOPIC
  @inlinable public static var updateAndCreateTopic: RequestCode { RequestCode(17) }
  /// 21 GET_ALL_TOPIC_CONFIG
  @inlinable public static var getAllTopicConfig: RequestCode { RequestCode(21) }
  /// 22 GET_TOPIC_CONFIG_LIST
  @inlinable public static var getTopicConfigList: RequestCode { RequestCode(22) }
  /// 23 GET_TOPIC_NAME_LIST
  @inlinable public static var getTopicNameList: RequestCode { RequestCode(23) }
  /// 25 UPDATE_BROKER_CONFIG
  @inlinable public static var updateBrokerConfig: RequestCode { RequestCode(25) }
  /// 26 GET_BROKER_CONFIG
  @inlinable public static var getBrokerConfig: RequestCode { RequestCode(26) }
  /// 27 TRIGGER_DELETE_FILES
  @inlinable public static var triggerDeleteFiles: RequestCode { RequestCode(27) }
  /// 28 GET_BROKER_RUNTIME_INFO
  @inlinable public static var getBrokerRuntimeInfo: RequestCode { RequestCode(28) }
  /// 29 SEARCH_OFFSET_BY_TIMESTAMP
  @inlinable public static var searchOffsetByTimestamp: RequestCode { RequestCode(29) }
  /// 30 GET_MAX_OFFSET
  @inlinable public static var getMaxOffset: RequestCode { RequestCode(30) }
  /// 31 GET_MIN_OFFSET
  @inlinable public static var getMinOffset: RequestCode { RequestCode(31) }
  /// 32 GET_EARLIEST_MSG_STORETIME
  @inlinable public static var getEarliestMessageStoreTime: RequestCode { RequestCode(32) }
  /// 33 VIEW_MESSAGE_BY_ID
  @inlinable public static var viewMessageByID: RequestCode { RequestCode(33) }
  /// 34 HEART_BEAT
  @inlinable public static var heartbeat: RequestCode { RequestCode(34) }
  /// 35 UNREGISTER_CLIENT
  @inlinable public static var unregisterClient: RequestCode { RequestCode(35) }
  /// 36 CONSUMER_SEND_MSG_BACK
  @inlinable public static var consumerSendMessageBack: RequestCode { RequestCode(36) }
  /// 37 END_TRANSACTION
  @inlinable public static var endTransaction: RequestCode { RequestCode(37) }
  /// 38 GET_CONSUMER_LIST_BY_GROUP
  @inlinable public static var getConsumerListByGroup: RequestCode { RequestCode(38) }
  /// 39 CHECK_TRANSACTION_STATE
  @inlinable public static var checkTransactionState: RequestCode { RequestCode(39) }
  /// 40 NOTIFY_CONSUMER_IDS_CHANGED
  @inlinable public static var notifyConsumerIDsChanged: RequestCode { RequestCode(40) }
  /// 41 LOCK_BATCH_MQ
  @inlinable public static var lockBatchMessageQueue: RequestCode { RequestCode(41) }
  /// 42 UNLOCK_BATCH_MQ
  @inlinable public static var unlockBatchMessageQueue: RequestCode { RequestCode(42) }
  /// 43 GET_ALL_CONSUMER_OFFSET
  @inlinable public static var getAllConsumerOffset: RequestCode { RequestCode(43) }
  /// 45 GET_ALL_DELAY_OFFSET
  @inlinable public static var getAllDelayOffset: RequestCode { RequestCode(45) }
  /// 46 CHECK_CLIENT_CONFIG
  @inlinable public static var checkClientConfig: RequestCode { RequestCode(46) }
  /// 50 UPDATE_AND_CREATE_ACL_CONFIG
  @inlinable public static var updateAndCreateACLConfig: RequestCode { RequestCode(50) }
  /// 51 DELETE_ACL_CONFIG
  @inlinable public static var deleteACLConfig: RequestCode { RequestCode(51) }
  /// 52 GET_BROKER_CLUSTER_ACL_INFO
  @inlinable public static var getBrokerClusterACLInfo: RequestCode { RequestCode(52) }
  /// 53 UPDATE_GLOBAL_WHITE_ADDRS_CONFIG
  @inlinable public static var updateGlobalWhiteAddrsConfig: RequestCode { RequestCode(53) }
  /// 54 GET_BROKER_CLUSTER_ACL_CONFIG
  @inlinable public static var getBrokerClusterACLConfig: RequestCode { RequestCode(54) }
  /// 100 PUT_KV_CONFIG
  @inlinable public static var putKVConfig: RequestCode { RequestCode(100) }
  /// 101 GET_KV_CONFIG
  @inlinable public static var getKVConfig: RequestCode { RequestCode(101) }
  /// 102 DELETE_KV_CONFIG
  @inlinable public static var deleteKVConfig: RequestCode { RequestCode(102) }
  /// 103 REGISTER_BROKER
  @inlinable public static var registerBroker: RequestCode { RequestCode(103) }
  /// 104 UNREGISTER_BROKER
  @inlinable public static var unregisterBroker: RequestCode { RequestCode(104) }
  /// 105 GET_ROUTEINFO_BY_TOPIC
  @inlinable public static var getRouteInfoByTopic: RequestCode { RequestCode(105) }
  /// 106 GET_BROKER_CLUSTER_INFO
  @inlinable public static var getBrokerClusterInfo: RequestCode { RequestCode(106) }
  /// 200 UPDATE_AND_CREATE_SUBSCRIPTIONGROUP
  @inlinable public static var updateAndCreateSubscriptionGroup: RequestCode { RequestCode(200) }
  /// 201 GET_ALL_SUBSCRIPTIONGROUP_CONFIG
  @inlinable public static var getAllSubscriptionGroupConfig: RequestCode { RequestCode(201) }
  /// 202 GET_TOPIC_STATS_INFO
  @inlinable public static var getTopicStatsInfo: RequestCode { RequestCode(202) }
  /// 203 GET_CONSUMER_CONNECTION_LIST
  @inlinable public static var getConsumerConnectionList: RequestCode { RequestCode(203) }
  /// 204 GET_PRODUCER_CONNECTION_LIST
  @inlinable public static var getProducerConnectionList: RequestCode { RequestCode(204) }
  /// 205 WIPE_WRITE_PERM_OF_BROKER
  @inlinable public static var wipeWritePermOfBroker: RequestCode { RequestCode(205) }
  /// 206 GET_ALL_TOPIC_LIST_FROM_NAMESERVER
  @inlinable public static var getAllTopicListFromNameserver: RequestCode { RequestCode(206) }
  /// 207 DELETE_SUBSCRIPTIONGROUP
  @inlinable public static var deleteSubscriptionGroup: RequestCode { RequestCode(207) }
  /// 208 GET_CONSUME_STATS
  @inlinable public static var getConsumeStats: RequestCode { RequestCode(208) }
  /// 209 SUSPEND_CONSUMER
  @inlinable public static var suspendConsumer: RequestCode { RequestCode(209) }
  /// 210 RESUME_CONSUMER
  @inlinable public static var resumeConsumer: RequestCode { RequestCode(210) }
  /// 211 RESET_CONSUMER_OFFSET_IN_CONSUMER
  @inlinable public static var resetConsumerOffsetInConsumer: RequestCode { RequestCode(211) }
  /// 212 RESET_CONSUMER_OFFSET_IN_BROKER
  @inlinable public static var resetConsumerOffsetInBroker: RequestCode { RequestCode(212) }
  /// 213 ADJUST_CONSUMER_THREAD_POOL
  @inlinable public static var adjustConsumerThreadPool: RequestCode { RequestCode(213) }
  /// 214 WHO_CONSUME_THE_MESSAGE
  @inlinable public static var whoConsumeTheMessage: RequestCode { RequestCode(214) }
  /// 215 DELETE_TOPIC_IN_BROKER
  @inlinable public static var deleteTopicInBroker: RequestCode { RequestCode(215) }
  /// 216 DELETE_TOPIC_IN_NAMESRV
  @inlinable public static var deleteTopicInNamesrv: RequestCode { RequestCode(216) }
  /// 219 GET_KVLIST_BY_NAMESPACE
  @inlinable public static var getKVListByNamespace: RequestCode { RequestCode(219) }
  /// 220 RESET_CONSUMER_CLIENT_OFFSET
  @inlinable public static var resetConsumerClientOffset: RequestCode { RequestCode(220) }
  /// 221 GET_CONSUMER_STATUS_FROM_CLIENT
  @inlinable public static var getConsumerStatusFromClient: RequestCode { RequestCode(221) }
  /// 222 INVOKE_BROKER_TO_RESET_OFFSET
  @inlinable public static var invokeBrokerToResetOffset: RequestCode { RequestCode(222) }
  /// 223 INVOKE_BROKER_TO_GET_CONSUMER_STATUS
  @inlinable public static var invokeBrokerToGetConsumerStatus: RequestCode { RequestCode(223) }
  /// 224 GET_TOPICS_BY_CLUSTER
  @inlinable public static var getTopicsByCluster: RequestCode { RequestCode(224) }
  /// 300 QUERY_TOPIC_CONSUME_BY_WHO
  @inlinable public static var queryTopicConsumeByWho: RequestCode { RequestCode(300) }
  /// 301 REGISTER_FILTER_SERVER
  @inlinable public static var registerFilterServer: RequestCode { RequestCode(301) }
  /// 302 REGISTER_MESSAGE_FILTER_CLASS
  @inlinable public static var registerMessageFilterClass: RequestCode { RequestCode(302) }
  /// 303 QUERY_CONSUME_TIME_SPAN
  @inlinable public static var queryConsumeTimeSpan: RequestCode { RequestCode(303) }
  /// 304 GET_SYSTEM_TOPIC_LIST_FROM_NS
  @inlinable public static var getSystemTopicListFromNs: RequestCode { RequestCode(304) }
  /// 305 GET_SYSTEM_TOPIC_LIST_FROM_BROKER
  @inlinable public static var getSystemTopicListFromBroker: RequestCode { RequestCode(305) }
  /// 306 CLEAN_EXPIRED_CONSUMEQUEUE
  @inlinable public static var cleanExpiredConsumeQueue: RequestCode { RequestCode(306) }
  /// 307 GET_CONSUMER_RUNNING_INFO
  @inlinable public static var getConsumerRunningInfo: RequestCode { RequestCode(307) }
  /// 308 QUERY_CORRECTION_OFFSET
  @inlinable public static var queryCorrectionOffset: RequestCode { RequestCode(308) }
  /// 309 CONSUME_MESSAGE_DIRECTLY
  @inlinable public static var consumeMessageDirectly: RequestCode { RequestCode(309) }
  /// 310 SEND_MESSAGE_V2
  @inlinable public static var sendMessageV2: RequestCode { RequestCode(310) }
  /// 311 GET_UNIT_TOPIC_LIST
  @inlinable public static var getUnitTopicList: RequestCode { RequestCode(311) }
  /// 312 GET_HAS_UNIT_SUB_TOPIC_LIST
  @inlinable public static var getHasUnitSubTopicList: RequestCode { RequestCode(312) }
  /// 313 GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST
  @inlinable public static var getHasUnitSubUnunitTopicList: RequestCode { RequestCode(313) }
  /// 314 CLONE_GROUP_OFFSET
  @inlinable public static var cloneGroupOffset: RequestCode { RequestCode(314) }
  /// 315 VIEW_BROKER_STATS_DATA
  @inlinable public static var viewBrokerStatsData: RequestCode { RequestCode(315) }
  /// 316 CLEAN_UNUSED_TOPIC
  @inlinable public static var cleanUnusedTopic: RequestCode { RequestCode(316) }
  /// 317 GET_BROKER_CONSUME_STATS
  @inlinable public static var getBrokerConsumeStats: RequestCode { RequestCode(317) }
  /// 318 UPDATE_NAMESRV_CONFIG
  @inlinable public static var updateNamesrvConfig: RequestCode { RequestCode(318) }
  /// 319 GET_NAMESRV_CONFIG
  @inlinable public static var getNamesrvConfig: RequestCode { RequestCode(319) }
  /// 320 SEND_BATCH_MESSAGE
  @inlinable public static var sendBatchMessage: RequestCode { RequestCode(320) }
  /// 321 QUERY_CONSUME_QUEUE
  @inlinable public static var queryConsumeQueue: RequestCode { RequestCode(321) }
  /// 322 QUERY_DATA_VERSION
  @inlinable public static var queryDataVersion: RequestCode { RequestCode(322) }
  /// 323 RESUME_CHECK_HALF_MESSAGE
  @inlinable public static var resumeCheckHalfMessage: RequestCode { RequestCode(323) }
  /// 324 SEND_REPLY_MESSAGE
  @inlinable public static var sendReplyMessage: RequestCode { RequestCode(324) }
  /// 325 SEND_REPLY_MESSAGE_V2
  @inlinable public static var sendReplyMessageV2: RequestCode { RequestCode(325) }
  /// 326 PUSH_REPLY_MESSAGE_TO_CLIENT
  @inlinable public static var pushReplyMessageToClient: RequestCode { RequestCode(326) }
  /// 327 ADD_WRITE_PERM_OF_BROKER
  @inlinable public static var addWritePermOfBroker: RequestCode { RequestCode(327) }
  /// 328 GET_ALL_PRODUCER_INFO
  @inlinable public static var getAllProducerInfo: RequestCode { RequestCode(328) }
  /// 329 DELETE_EXPIRED_COMMITLOG
  @inlinable public static var deleteExpiredCommitLog: RequestCode { RequestCode(329) }
}
