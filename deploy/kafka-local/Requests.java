import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;
import com.sun.tools.attach.VirtualMachine;

/**
 * Says how many requests of each kind a broker has answered, by the broker's own metrics: for each line that it reads one line,
 * "Fetch=12 Produce=3 ...". It ends with its input. The argument is the broker's process id. It stays attached, so that a reading
 * takes milliseconds and costs the broker next to nothing.
 */
public class Requests {
    public static void main(String[] args) throws Exception {
        VirtualMachine machine = VirtualMachine.attach(args[0]);
        JMXServiceURL url = new JMXServiceURL(machine.startLocalManagementAgent());
        machine.detach();
        try (JMXConnector connector = JMXConnectorFactory.connect(url)) {
            MBeanServerConnection broker = connector.getMBeanServerConnection();
            ObjectName meters = new ObjectName("kafka.network:type=RequestMetrics,name=RequestsPerSec,*");
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
            while (in.readLine() != null) {
                TreeMap<String, Long> counts = new TreeMap<>();
                for (ObjectName meter : broker.queryNames(meters, null)) { // one for each kind and version
                    counts.merge(meter.getKeyProperty("request"), (Long) broker.getAttribute(meter, "Count"), Long::sum);
                }
                System.out.println(counts.entrySet().stream().map(Object::toString).collect(Collectors.joining(" ")));
            }
        }
    }
}
