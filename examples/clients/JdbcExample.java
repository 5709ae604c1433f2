// JDBC: java -cp postgresql.jar JdbcExample.java
import java.sql.*;

public class JdbcExample {
    public static void main(String[] arguments) throws SQLException {
        String url = System.getenv("DATABASE_URL").replaceFirst("postgresql://([^@]*)@", "jdbc:postgresql://") + "?user=postgres";
        try (Connection connection = DriverManager.getConnection(url); Statement statement = connection.createStatement()) {
            // autocommit이 기본값이다: 백필은 트랜잭션 밖에서. / Autocommit is the default: a backfill commits by itself.
            statement.execute("CALL drugembed.backfill('drug')");

            // 목록은 text[]로, 벡터는 real[]로. / A list is passed as text[], a vector comes back as real[].
            PreparedStatement embed = connection.prepareStatement("SELECT v::real[] FROM unnest(drug_embed(?::text[])) v");
            embed.setArray(1, connection.createArrayOf("text", new String[] {"타이레놀정500밀리그람", "판콜에이내복액"}));
            int rows = 0, dimensions = 0;
            for (ResultSet found = embed.executeQuery(); found.next(); rows++) {
                dimensions = ((Float[]) found.getArray(1).getArray()).length;
            }
            System.out.println(rows + " " + dimensions);

            String nearest = "SELECT item_name FROM drug WHERE product_type LIKE ? ORDER BY embedding <=> drug_embed_query(?) LIMIT 1";
            print(connection.prepareStatement(nearest), "%당류%", "열을 내리는 약은?");
            String search = "SELECT split_part(document, ' | ', 1) FROM drug_search('drug', ?, k => 2, filter => ?::jsonb)";
            print(connection.prepareStatement(search), "열을 내리는 약은?", "{\"product_type\": {\"like\": \"%소염제%\"}}");
        }
    }

    static void print(PreparedStatement statement, String first, String second) throws SQLException {
        statement.setString(1, first);
        statement.setString(2, second);
        for (ResultSet found = statement.executeQuery(); found.next();) {
            System.out.println(found.getString(1));
        }
    }
}
