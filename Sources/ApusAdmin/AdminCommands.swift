import ApusCommandLine

/// All commands. Parsing, help, completions, the manual page and the tests look here.
package enum AdminCommands {
  /// The commands of `apus admin`, in the order in which mqadmin lists them.
  package static let all: [any AdminCommand.Type] = [
    UpdateTopicCommand.self, DeleteTopicCommand.self, UpdateSubGroupCommand.self, DeleteSubGroupCommand.self,
    UpdateBrokerConfigCommand.self, UpdateTopicPermCommand.self, TopicRouteCommand.self, TopicStatusCommand.self,
    TopicClusterListCommand.self, BrokerStatusCommand.self, QueryMsgByIDCommand.self, QueryMsgByKeyCommand.self,
    QueryMsgByUniqueKeyCommand.self, QueryMsgByOffsetCommand.self, QueryMsgTraceByIDCommand.self, PrintMsgCommand.self,
    PrintMsgByQueueCommand.self, SendMsgStatusCommand.self, BrokerConsumeStatsCommand.self,
    ProducerConnectionCommand.self, ConsumerConnectionCommand.self, ConsumerProgressCommand.self,
    ConsumerStatusCommand.self, CloneGroupOffsetCommand.self, ProducerCommand.self, ClusterListCommand.self,
    TopicListCommand.self, UpdateKVConfigCommand.self, DeleteKVConfigCommand.self, WipeWritePermCommand.self,
    AddWritePermCommand.self, ResetOffsetByTimeCommand.self, SkipAccumulatedMessageCommand.self,
    UpdateOrderConfCommand.self, CleanExpiredCQCommand.self, DeleteExpiredCommitLogCommand.self,
    CleanUnusedTopicCommand.self, StartMonitoringCommand.self, StatsAllCommand.self, AllocateMQCommand.self,
    CheckMsgSendRTCommand.self, ClusterRTCommand.self, GetNamesrvConfigCommand.self, UpdateNamesrvConfigCommand.self,
    GetBrokerConfigCommand.self, GetConsumerConfigCommand.self, QueryCqCommand.self, SendMessageCommand.self,
    ConsumeMessageCommand.self, UpdateAclConfigCommand.self, DeleteAclConfigCommand.self,
    ClusterAclConfigVersionCommand.self, UpdateGlobalWhiteAddrCommand.self, ExportMetadataCommand.self,
    ExportConfigsCommand.self, ExportMetricsCommand.self, DecodeMessageIDCommand.self, ConsumerCommand.self,
    GetConsumerStatusCommand.self, ResetOffsetByTimeOldCommand.self,
  ]

  /// The short way in: commands of the program itself.
  package static let short: [any AdminCommand.Type] = [SendCommand.self, ConsumeCommand.self, TopCommand.self]

  /// Other names that mqadmin knows commands by.
  private static let aliases = ["deleteaccessconfig": "deleteAclConfig"]

  /// The command of that name, whose case does not matter.
  package static func named(_ name: String) -> (any AdminCommand.Type)? {
    let name = name.lowercased()
    let known = (aliases[name] ?? name).lowercased()
    return (all + short).first { $0.shortName.lowercased() == known }
  }

  /// What `apus admin help` prints.
  package static var overview: String {
    var lines = ["The most commonly used mqadmin commands are:"]
    for command in all {
      let name = command.shortName
      lines.append("   \(name)\(String(repeating: " ", count: max(0, 20 - name.count))) \(command.description.summary)")
    }
    lines += ["", "See 'mqadmin help <command>' for more information on a specific command."]
    return lines.joined(separator: "\n") + "\n"
  }
}

extension AdminCommand {
  /// The command's own word: `topicList`.
  package static var shortName: String {
    description.name.split(separator: " ").last.map(String.init) ?? description.name
  }
}
