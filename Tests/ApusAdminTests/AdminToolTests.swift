import ApusBase
import ApusClient
import ApusCommandLine
import Testing

@testable import ApusAdmin

@Suite(.timeLimit(.minutes(10))) struct AdminToolTests {
  @Test func `without a command all commands are listed`() async {
    for line in ["", "help", "--help"] {
      let run = await ToolUnderTest.run(line)
      #expect(run.status == .success)
      #expect(run.output.hasPrefix("The most commonly used mqadmin commands are:\n   updateTopic          "))
      #expect(run.output.hasSuffix("\nSee 'mqadmin help <command>' for more information on a specific command.\n"))
    }
  }

  @Test(arguments: AdminCommands.all.map { $0.shortName })
  func `a command explains itself`(name: String) async {
    for line in ["help \(name)", "\(name) -h", "\(name) --help"] {
      let run = await ToolUnderTest.run(line)
      #expect(run.status == .success)
      #expect(run.output.hasPrefix("Usage: apus admin \(name) "), "\(line)")
      #expect(run.output.contains("-n, --namesrvAddr LIST"))
    }
  }

  @Test(arguments: [
    ("fly", "there is no command 'fly'"), ("help fly", "there is no command 'fly'"),
    ("topicStatus", "option -t (--topic) is missing: The topic; 'apus admin topicStatus --help'"),
    ("topicStatus -t", "option '-t' needs a value"), ("topicStatus -t ''", "option '--topic' is empty"),
    ("topicStatus -t a -z b", "unknown option '-z'"), ("topicStatus -t a -t b", "option '-t' stands twice"),
    ("updateTopic -t a", "one of -b (--brokerAddr) and -c (--clusterName) is missing"),
    (
      "updateTopic -t a -b x:1 -r many",
      "option '--readQueueNums' takes a whole number from 1 to 2147483647, not 'many'"
    ),
    ("updateTopic -t a -b x:1 -r 0", "option '--readQueueNums' takes a whole number from 1 to 2147483647, not '0'"),
    ("updateTopic -t a -b x:1 -w 0", "option '--writeQueueNums' takes a whole number from 1 to 2147483647, not '0'"),
    ("updateTopic -t a -b x:1 -p 7", "option '--perm' takes 2 (write), 4 (read) or 6 (both), not '7'"),
    ("updateTopic -t a -b x:1 -p 0", "option '--perm' takes"), ("updateTopicPerm -t a -b x:1 -p 1", "not '1'"),
    ("updateTopic -t a -b x:1 -o yes", "option '--order' takes true or false, not 'yes'"),
    ("updateSubGroup -g a -b x:1 -s ture", "option '--consumeEnable' takes true or false, not 'ture'"),
    ("consumerProgress -g a -s ''", "option '--showClientIP' takes true or false, not ''"),
    ("topicList -n ''", "option '--namesrvAddr' is empty"), ("topicList -n ' '", "option '--namesrvAddr' is empty"),
    ("topicList -n ';'", "option '--namesrvAddr' names no server: ';'"),
    ("topicRoute -t a -n nowhere", "'nowhere' is no address: it has the form host:port"),
  ])
  func `a wrong command line names the command, the option and the reason`(line: String, reason: String) async {
    let run = await ToolUnderTest.run(line)
    #expect(run.status == .failure)
    #expect(run.output.isEmpty)
    #expect(run.notes.contains(reason), "\(run.notes)")
    #expect(run.notes.contains(line.split(separator: " ")[0]))
  }

  @Test func `commands are found whatever their case, options in all of Java's spellings`() async throws {
    let tool = try await ToolUnderTest()
    let server = tool.cluster.nameServerAddress
    for line in [
      "TOPICROUTE -t TBW102 -n \(server) -l", "topicRoute -tTBW102 -ln\(server)",
      "topicRoute --topic TBW102 --namesrvAddr=\(server) --list",
      "topicRoute -topic TBW102 -namesrvAddr \(server) -list",
    ] {
      let run = await ToolUnderTest.run(line)
      #expect(run.status == .success, "\(line): \(run.notes)")
      #expect(run.output.hasPrefix("#ClusterName "))
    }
    let extra = await tool.run("topicList -c TestCluster")
    #expect(extra.status == .success)
    #expect(extra.notes == "topicList: 'TestCluster' is not used\n")
  }

  @Test func `one server that fails does not keep the others from their turn`() async throws {
    let tool = try await ToolUnderTest()
    let run = await ToolUnderTest.run("addWritePerm -b fx-a -n 127.0.0.1:1;\(tool.cluster.nameServerAddress)")
    #expect(run.status == .failure)
    #expect(run.notes.contains("apus: addWritePerm: failed at 127.0.0.1:1, 1 of 2"), "\(run.notes)")
    #expect(run.output.contains("in name server[127.0.0.1:1] Failed\n"))
    #expect(run.output.contains("in name server[\(tool.cluster.nameServerAddress)] OK, "))
    let servers = "127.0.0.1:1;\(tool.cluster.nameServerAddress)"
    let value = await ToolUnderTest.run("updateKvConfig -s S -k one -v 1 -n \(servers)")
    #expect(value.status == .failure)
    #expect(value.notes.contains("apus: updateKvConfig: failed at 127.0.0.1:1, 1 of 2"), "\(value.notes)")
    let client = try AdminClient(.patient([tool.cluster.nameServerAddress]))
    #expect(try await client.value(of: "one", in: "S") == "1")
  }
}
