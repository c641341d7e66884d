/**
 * The commonest passwords of twelve characters and more in published leaks, folded to lower case. Shorter ones are
 * refused for their length, repetitions by a rule of their own.
 */
export const COMMON: ReadonlySet<string> = new Set(
  `
  123456789012 1234567890123 12345678901234 123456789123 1234567891011 123456789101 012345678910
  1234567890qwe 123123123123 987654321012 098765432109 111222333444 112233445566 147258369147
  159753456852 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1qaz2wsx3edc 1qaz2wsx3edc4rfv q1w2e3r4t5y6
  qazwsxedcrfv qazwsxedcrfvtgb zaq12wsxcde3 zaq1xsw2cde3 qwerty123456 qwerty1234567 qwertyuiop12
  qwertyuiop123 qwertyuiop1234 qwertyuiopasdf qwertyuiopasdfghjkl asdfghjklqwe asdfghjkl123
  zxcvbnm12345 zxcvbnmasdfghjkl qwertyqwerty qwerty12345678 azertyuiop12 azertyuiop123
  password1234 password12345 password123456 password2020 password2021 password2022 password2023
  password2024 password2025 password2026 passwordpassword passw0rd1234 p@ssw0rd1234 p@ssword1234
  p4ssw0rd1234 mypassword123 mypassword12 changeme1234 changeme12345 letmein12345 letmein123456
  letmeinplease welcome12345 welcome123456 welcometothe administrator administrator1
  administrator123 admin1234567 admin12345678 admin123456789 adminadmin123 rootrootroot
  testtesttest testtest1234 test12345678 iloveyou1234 iloveyou12345 iloveyou123456
  iloveyousomuch iloveyouforever iloveyoubaby iloveyou2much iloveyoumore iloveyoualways
  ilovemyfamily ilovejesus123 jesuslovesme jesuschrist1 jesusislord1 godisgood123
  trustno1trustno1 princess1234 princess12345 sunshine1234 sunshine12345 football1234
  football12345 baseball1234 basketball12 basketball123 superman1234 batman123456 spiderman123
  pokemon12345 dragon123456 monkey123456 shadow123456 master123456 michael12345 jordan123456
  charlie12345 jennifer1234 ashley123456 jessica12345 manchesterunited manchester123
  manchestercity liverpool123 liverpoolfc1 liverpoolfc123 barcelona123 realmadrid123
  chelseafc123 arsenal12345 realmadrid12 fcbarcelona1 juventus1234 unbelievable professional
  relationship independence relationships abcdefghijkl abcdefghijklm abcdefghijklmnop
  abcdefgh1234 abcdef123456 abcd12345678 abc123456789 abc123abc123 a1b2c3d4e5f6 aa1234567890
  qwe123qwe123 qweasdzxc123 qweasd123456 asdasd123456 asdfasdfasdf zxczxczxczxc startrek1234
  starwars1234 whatever1234 computer1234 internet1234 facebook1234 facebook12345 google123456
  samsung12345 microsoft123 linkedin1234 iphone123456 android12345 blink182blink metallica123
  slipknot12345 ferrari12345 mustang12345 corvette1234 harley123456 yankees12345 cowboys12345
  steelers1234 lakers123456 killer123456 ninja1234567 hello1234567 hello12345678 hellohello123
  helloworld12 helloworld123 goodmorning1 happybirthday happybirthday1 merrychristmas
  newyork12345 california12 california123 chocolate123 chocolate1234 strawberry12 strawberry123
  butterfly123 butterfly1234 beautiful123 blackberry12 rememberme12 rememberme123 forgetmenot1
  nothingelsematters thisismypassword thisisapassword correcthorsebatterystaple opensesame12
  secretsecret secret123456 supersecret1 supersecret123 temporary123 temporarypassword
  defaultpassword default12345 newpassword1 newpassword123 company12345 summer202412
  winter202412 spring202412 autumn202412 january12345 february1234 december2024 december2025
  december2026 monday123456 tuesday12345 contrasena12 contrasena123 contraseña123 teamomucho12
  teamomucho123 tequieromucho tequieromucho1 teamoteamoteamo estrella1234 mariposa1234
  corazon12345 brasil123456 flamengo1234 corinthians1 corinthians123 palmeiras123 saopaulo1234
  senha1234567 senha12345678 minhasenha123 deusefiel123 jesuscristo1 jesuscristo123 motdepasse12
  motdepasse123 jetaimejetaime passwort1234 passwort12345 hallo1234567 schatzi12345 deutschland1
  krishna12345 india1234567 sairam123456 bismillah123 bismillah786 muhammad1234 alhamdulillah
  subhanallah1 pakistan1234 pakistanzindabad indonesia123 sayangsayang philippines1 mahalkita123
  woaini1314520 5201314woaini woaini123456 wang12345678
`
    .trim()
    .split(/\s+/),
)
